// One live session as the host has it: the keeper's bytes go into a mirror, the mirror's answers go back, views show it, and its
// state is left on disk for the next host. It promises that a query is answered once, across any number of hosts, and that neither
// a flood nor a stuck view delays anything. It knows no runs and no agents; an adapter's reader is passed in.
import { terminalSize } from '../contract/wire.ts'
import type { Keeper, KeeperError } from '../keeper/client.ts'
import { fail } from '../model/failure.ts'
import type { Exit } from '../model/session.ts'
import { pasteBytes } from '../model/text/paste.ts'
import type { EventSummary, TitleReader, TranscriptReader } from '../model/transcript.ts'
import { inputAnswers, newActivity, statusEvidence } from './activity/activity.ts'
import { createFacts, type SessionFacts } from './activity/facts.ts'
import { parseMemory } from './activity/memory.ts'
import { createViewers, type Viewer, type ViewerHandle } from './attach.ts'
import { type Feed, openFeed } from './feed.ts'
import {
  type Checkpoint,
  checkpointVersion,
  openAnswered,
  prepareStateDir,
  readCheckpoint,
} from './screen/checkpoint.ts'
import { createSaver } from './screen/saver.ts'
import { createScreen, type Screen } from './screen/screen.ts'
import { freshStart } from './screen/serialise.ts'
import { nextTail } from './tail.ts'
import { createTranscript, recall, type Transcript } from './transcript/transcript.ts'
import { longestLine, unfinishedLine } from './typed-lines.ts'

export type { SessionFacts } from './activity/facts.ts'
export type { Viewer, ViewerHandle } from './attach.ts'
export { openRecorded, type RecordedScreen } from './recorded.ts'

export interface SessionOptions {
  readonly keeper: Pick<Keeper, 'read' | 'write' | 'resize' | 'list' | 'lineLimit'>
  readonly sessionId: string
  readonly kind: 'pty' | 'pipe'
  /** Its size now; a screen that was left at another one is resized. */
  readonly cols: number
  readonly rows: number
  /** A folder of its own: checkpoint and, for a pipe, events.ndjson. */
  readonly stateDir: string
  readonly readTitle?: TitleReader
  /** How its views paint when it starts; default: dark. */
  readonly dark?: boolean
  /** Pipe sessions: reads the agent's events. Without it the output is shown line by line. */
  readonly transcript?: TranscriptReader
  onFacts?(facts: SessionFacts): void
  /** After every byte was shown. Milliseconds since 1970. */
  onExit?(exit: Exit, endedAt: number): void
  /** The keeper is gone, or does not know the session: nobody saw its exit. */
  onLost?(error: KeeperError): void
  onAgentSession?(id: string): void
  onAgentEvent?(event: unknown): void
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

export interface Session {
  readonly sessionId: string
  readonly closed: boolean
  facts(): SessionFacts
  attach(viewer: Viewer, reason?: 'attach' | 'session'): ViewerHandle
  /** How its views paint from now on: what a program that asks is told. */
  setDark(dark: boolean): void
  /** What the person types. Nothing where the session is not live. */
  write(bytes: Uint8Array): void
  /**
   * Hostile text as input: sanitised, between markers where the program asked for them, then Enter if wanted. `too-large`, and not a
   * byte is sent, where the program reads lines and one of these is longer than its terminal holds.
   */
  paste(text: string, enter: boolean): Promise<void>
  /** Clamped to the terminal's limits. */
  resize(cols: number, rows: number): void
  /** Scrollback and screen as plain text. */
  text(): string
  /** What an ending is judged by, besides the exit. */
  ending(): { readonly lastEvents: EventSummary | null; readonly stderrTail: string }
  /** Lets go: nothing is called back any more. The session itself goes on in the keeper, and what was seen is on disk. */
  close(): void
}

/** Replies that one session may get in a second; a program that asks for more is flooding its own input. */
const maxRepliesPerSecond = 64 * 1024
/** Enter after a paste is a key of its own: programs take one that arrives with the pasted text for a part of it. */
const enterAfterMs = 60

const encoder = new TextEncoder()

/** Opens a session that the keeper holds: from its start, or from where an earlier host left it. */
export function openSession(options: SessionOptions): Session {
  const { keeper, sessionId, kind, stateDir } = options
  const clock = options.clock ?? Date.now
  prepareStateDir(stateDir)
  const found = readCheckpoint(stateDir)
  const from = found?.kind === kind ? found : null
  const answered = openAnswered(stateDir)
  const feeds: Feed[] = []
  const exits = new Set<string>()
  let out = from?.out ?? 0
  let tail: Uint8Array = Buffer.from(from?.tail ?? '', 'base64')
  let dropped = from?.dropped ?? 0
  let title = from?.title ?? null
  let lastOutputAt = from?.lastOutputAt ?? null
  let agentSession = from?.agentSession ?? null
  let bell = false
  let live = true
  let restoring = false
  /** Of the line that is being typed. */
  let lineBytes = 0
  let closed = false
  let replies = ''
  let replyWindow = { at: 0, bytes: 0 }
  /** Output before this byte was printed while no host looked: nobody knows when, so it proves nothing about now. */
  let oldUpTo = Number.POSITIVE_INFINITY
  let finalScreen: Uint8Array | null = null

  const screen: Screen = createScreen({
    cols: from?.cols ?? options.cols,
    rows: from?.rows ?? options.rows,
    ...(options.dark === undefined ? {} : { dark: options.dark }),
    onReply: (bytes) => {
      replies += bytes
    },
    onTitle(next) {
      if (restoring) return
      title = next
      const says = options.readTitle?.(next)
      if (says !== undefined) facts.take({ kind: 'title', at: clock(), says })
      else facts.changed()
    },
    onBell() {
      if (isOld()) return
      bell ||= clock() - facts.memory.inputAt > 1_000
      facts.take({ kind: 'bell', at: clock() })
    },
    onProgramStatus: (status) => facts.take({ kind: 'osc7501', at: clock(), says: statusEvidence(status) }),
    onNotification(message) {
      if (!isOld()) facts.take({ kind: 'bell', at: clock(), message })
    },
  })
  const facts = createFacts(
    parseMemory(from?.activity) ?? newActivity(clock()),
    () => ({ title, lastOutputAt, lastLine: screen.lastLine(), bell, cols: screen.cols, rows: screen.rows, live }),
    (now) => options.onFacts?.(now),
    clock,
  )
  const saver = createSaver({
    stateDir,
    clock,
    take: checkpoint,
    lastOutputAt: () => lastOutputAt,
    bytes: () => out,
  })
  const viewers = createViewers({
    sessionId,
    get cols() {
      return screen.cols
    },
    get rows() {
      return screen.rows
    },
    get live() {
      return live
    },
    get dropped() {
      return dropped
    },
    draw: (scrollback) => finalScreen ?? drawn(screen, tail, scrollback),
  })

  if (from) {
    restoring = true
    screen.answering = false
    screen.write(from.screen)
    screen.write(tail)
    restoring = false
  }
  if (screen.cols !== options.cols || screen.rows !== options.rows) screen.resize(options.cols, options.rows)
  const transcript = kind === 'pipe' ? openTranscript() : null
  void start()

  function isOld(): boolean {
    return out < oldUpTo
  }

  async function start(): Promise<void> {
    if (options.transcript && from && from.teed > 0)
      await recall(options.transcript, stateDir, from.teed).catch(() => {})
    const known = await keeper.list().then(
      (sessions) => sessions.find((session) => session.sessionId === sessionId),
      () => undefined,
    )
    if (closed) return
    oldUpTo = known && from ? known.bytes.out : 0
    // A keeper that was killed may have lost the last bytes that an earlier host has seen.
    if (known) out = Math.min(out, known.bytes.out)
    facts.changed()
    feeds.push(openOut(Math.min(transcript?.out ?? out, known?.bytes.out ?? Number.POSITIVE_INFINITY)))
    if (transcript) feeds.push(openErr(transcript.err, known?.bytes.err))
  }

  function openOut(at: number): Feed {
    return openFeed({
      keeper,
      sessionId,
      stream: 'out',
      from: at,
      onBytes: (bytes, offset) => (transcript ? takeEvents(bytes, offset) : takeOutput(bytes, offset)),
      onGap(gapFrom, gapTo) {
        dropped += gapTo - gapFrom
        out = gapTo
        if (transcript) transcript.gap('out', gapFrom, gapTo)
        else {
          screen.abortSequence()
          tail = new Uint8Array(0)
          viewers.redraw()
        }
      },
      onEnd: (exit) => streamEnded('out', exit),
      onLost: lose,
    })
  }

  function openErr(at: number, known: number | undefined): Feed {
    return openFeed({
      keeper,
      sessionId,
      stream: 'err',
      from: Math.min(at, known ?? at),
      onBytes: (bytes) => transcript?.push('err', bytes),
      onGap: (gapFrom, gapTo) => transcript?.gap('err', gapFrom, gapTo),
      onEnd: (exit) => streamEnded('err', exit),
      onLost: lose,
    })
  }

  function takeOutput(bytes: Uint8Array, at: number): void {
    // What was answered by an earlier host is not answered again; the piece is cut where that ends.
    const before = Math.min(Math.max(answered.upTo - at, 0), bytes.length)
    if (before > 0) consume(bytes.subarray(0, before), false)
    if (before < bytes.length) consume(bytes.subarray(before), true)
  }

  function consume(bytes: Uint8Array, answering: boolean): void {
    screen.answering = answering
    screen.write(bytes)
    out += bytes.length
    tail = nextTail(tail, bytes, screen.atGround)
    sendReplies()
    noteOutput()
    viewers.output(bytes)
  }

  function sendReplies(): void {
    if (replies === '') return
    const bytes = encoder.encode(replies)
    replies = ''
    answered.advance(out)
    const at = clock()
    if (at - replyWindow.at > 1_000) replyWindow = { at, bytes: 0 }
    replyWindow.bytes += bytes.length
    if (replyWindow.bytes <= maxRepliesPerSecond) void keeper.write(sessionId, bytes).catch(() => {})
  }

  function noteOutput(): void {
    if (!isOld()) {
      lastOutputAt = clock()
      facts.take({ kind: 'output', at: lastOutputAt })
    } else facts.changed()
    saver.soon()
  }

  function openTranscript(): Transcript {
    return createTranscript({
      reader: options.transcript ?? null,
      stateDir,
      out,
      err: from?.err ?? 0,
      teed: from?.teed ?? 0,
      stderrTail: from?.stderrTail ?? '',
      onText(text) {
        const bytes = encoder.encode(text)
        screen.write(bytes)
        noteOutput()
        viewers.output(bytes)
      },
      onEvidence: (says) => facts.take({ kind: 'event', at: clock(), says }),
      onAgentSession(id) {
        if (id === agentSession) return
        agentSession = id
        options.onAgentSession?.(id)
      },
      onEvent: (event) => options.onAgentEvent?.(event),
    })
  }

  function takeEvents(bytes: Uint8Array, at: number): void {
    out = at + bytes.length
    transcript?.push('out', bytes)
  }

  function streamEnded(stream: 'out' | 'err', exit: Exit): void {
    transcript?.end(stream)
    exits.add(stream)
    if (transcript && exits.size < 2) return
    void keeper
      .list()
      .then((sessions) => sessions.find((session) => session.sessionId === sessionId)?.endedAt ?? null)
      .catch(() => null)
      .then((endedAt) => {
        if (closed) return
        settle(endedAt ?? clock())
        options.onExit?.(exit, endedAt ?? clock())
      })
  }

  function lose(error: KeeperError): void {
    if (!live || closed) return
    settle(clock())
    options.onLost?.(error)
  }

  /** Nothing more will come: what there is goes to the views and to the disk. */
  function settle(at: number): void {
    live = false
    facts.take({ kind: 'process', at, alive: false })
    viewers.ended()
    facts.flush()
    saver.now()
  }

  function checkpoint(): Checkpoint {
    return {
      version: checkpointVersion,
      kind,
      cols: screen.cols,
      rows: screen.rows,
      out: transcript?.out ?? out,
      err: transcript?.err ?? 0,
      screen: screen.serialise(),
      tail: Buffer.from(tail).toString('base64'),
      teed: transcript?.teed ?? 0,
      stderrTail: transcript?.stderrTail ?? '',
      dropped,
      title,
      lastOutputAt,
      activity: facts.memory,
      agentSession,
    }
  }

  function write(bytes: Uint8Array): void {
    if (!live || closed) return
    bell = false
    lineBytes = unfinishedLine(lineBytes, bytes)
    facts.take({ kind: 'input', at: clock(), answers: inputAnswers(bytes) })
    void keeper.write(sessionId, bytes).catch(() => {})
  }

  return {
    sessionId,
    get closed() {
      return closed
    },
    facts: () => facts.now(),
    attach: (viewer, reason) => viewers.attach(viewer, reason),
    setDark(dark) {
      screen.setDark(dark)
      if (live && !closed) sendReplies()
    },
    write,
    async paste(text, enter) {
      const limit = live && !closed ? await keeper.lineLimit(sessionId) : null
      const bytes = pasteBytes(text, { bracketed: screen.bracketedPaste })
      const longest = limit ? longestLine(lineBytes, bytes, limit.returnEnds) : 0
      if (limit && longest > limit.bytes) throw fail('too-large', { what: 'line', bytes: longest, limit: limit.bytes })
      if (text !== '') write(bytes)
      if (enter) setTimeout(() => write(encoder.encode('\r')), text === '' ? 0 : enterAfterMs)
    },
    resize(cols, rows) {
      const next = clampSize(cols, rows)
      if (closed || (next.cols === screen.cols && next.rows === screen.rows)) return
      if (kind === 'pty' && live) void keeper.resize(sessionId, next.cols, next.rows).catch(() => {})
      screen.resize(next.cols, next.rows)
      viewers.resized(next.cols, next.rows)
      facts.changed()
      saver.soon()
    },
    text: () => screen.plainText(),
    ending: () => ({
      lastEvents: options.transcript?.summary?.() ?? null,
      stderrTail: transcript?.stderrTail ?? '',
    }),
    close() {
      if (closed) return
      saver.close()
      closed = true
      for (const feed of feeds) feed.close()
      // Views of an ended session that are still drawing get the rest from here.
      if (!live) finalScreen = drawn(screen, tail)
      viewers.close()
      facts.close()
      transcript?.close()
      answered.close()
    },
  }
}

function drawn(screen: Screen, tail: Uint8Array, scrollback?: number): Uint8Array {
  const text = encoder.encode(`${freshStart}${screen.serialise(scrollback === undefined ? {} : { scrollback })}`)
  return tail.length === 0 ? text : Buffer.concat([text, tail])
}

function clampSize(cols: number, rows: number): { readonly cols: number; readonly rows: number } {
  const clamp = (value: number, least: number, most: number) =>
    Number.isFinite(value) ? Math.min(most, Math.max(least, Math.floor(value))) : least
  return {
    cols: clamp(cols, terminalSize.minCols, terminalSize.maxCols),
    rows: clamp(rows, terminalSize.minRows, terminalSize.maxRows),
  }
}
