// `coppice attach`: shows a run's terminal in the terminal where the command was typed. Every key goes to the program, except the
// one chord that detaches. The program's questions to the terminal are removed, because the host's mirror answers them. It promises
// to restore the terminal, however it ends.
import type { TerminalListener } from '../../contract/client.ts'
import { terminalSize } from '../../contract/wire.ts'
import { CoppiceFailure, type Failure, fail } from '../../model/failure.ts'
import { livePhases } from '../../model/run.ts'
import { sideOf } from '../../model/side-session.ts'
import { plainText } from '../../model/text/text.ts'
import { type Cli, openWatching, runOf } from '../cli.ts'
import { CliError } from '../errors.ts'
import { createQueryFilter } from '../swallow-queries.ts'

/** Ctrl-], as telnet has it: agents use nearly every other key. Then d to leave, or Ctrl-] again to send one. */
const chordByte = 0x1d
const leaveByte = 0x64

/** The size is sent once it has stood still for this long, in milliseconds: each change makes the program draw anew. */
const resizeMs = 120

/** `session`: the number of a session beside the run's agent, instead of the agent's own terminal. */
export async function attach(cli: Cli, id: string, options: { readonly session?: number } = {}): Promise<void> {
  const { stdin, stdout } = process
  const { session } = options
  const of = session === undefined ? id : `${id} --session ${session}`
  refuseWithoutTerminal(`Run "coppice logs ${of} --follow" to read it, and "coppice send ${of} TEXT" to type into it`)
  const link = await openWatching(cli)
  const run = runOf(link, id)
  const side = session === undefined ? null : sideOf(run, session)
  if (side === undefined) throw fail('not-found', { what: 'side session', id: String(session) })
  const name = side === null ? id : `session ${side.number} of ${id}`
  if (stdout.columns < terminalSize.minCols || stdout.rows < terminalSize.minRows) {
    cli.output.remark(
      `This terminal is smaller than ${terminalSize.minCols} × ${terminalSize.minRows}: the output will be cut off.`,
    )
  }
  cli.output.remark(`Attached to ${name}. Ctrl-] then d detaches; ${side === null ? 'the run' : 'it'} keeps running.`)

  const ended = Promise.withResolvers<'left' | 'ended' | Failure>()
  let filter = createQueryFilter()
  let resizing: NodeJS.Timeout | undefined
  const listener: TerminalListener = {
    onScreenStart({ live }) {
      filter = createQueryFilter()
      stdout.write(`${plainScreen}${clearScreen}`)
      // A saved screen of a session that is over has no program to draw anew.
      if (live) resize()
    },
    onScreen: (bytes) => void stdout.write(filter(bytes)),
    onScreenEnd() {},
    onOutput(bytes) {
      stdout.write(filter(bytes), () => attachment.ack(bytes.length))
    },
    onResized() {},
    onEnded() {
      if (side) return ended.resolve('ended')
      // Between the set-up and the agent, or one attempt and the next, a session ends and the run goes on.
      const settled = () => (['queued', ...livePhases].includes(link.run(id)?.phase ?? 'purged') ? undefined : true)
      link.until(settled).then(
        () => ended.resolve('ended'),
        () => ended.resolve('ended'),
      )
    },
    onFailed: (failure) => ended.resolve(failure),
  }
  const attachment = link.attach(id, listener, { sessionId: side?.sessionId })
  const resize = () => {
    clearTimeout(resizing)
    resizing = setTimeout(() => attachment.resize(stdout.columns, stdout.rows), resizeMs)
  }
  const keys = createChord({ send: (bytes) => attachment.input(bytes), leave: () => ended.resolve('left') })
  const leave = () => ended.resolve('left')
  link.onClose((reason) => ended.resolve({ code: 'connection-lost', retryable: true, detail: { message: reason } }))

  stdin.setRawMode(true)
  stdin.on('data', keys)
  stdout.on('resize', resize)
  for (const signal of leavingSignals) process.on(signal, leave)
  // A crash gives no more turns: what is written here is written at once.
  process.on('exit', putBack)
  try {
    stdin.resume()
    const how = await ended.promise
    // What was drawn last must be through before the terminal is put back.
    await new Promise<void>((resolve) => stdout.write('', () => resolve()))
    putBack()
    if (typeof how === 'object') throw new CoppiceFailure(how)
    const now = link.run(id)
    const goesOn = side ? 'It keeps running.' : 'The run keeps running.'
    const over = `Its terminal has ended${now && !side ? ` (${plainText(now.phase, 20)})` : ''}.`
    cli.output.remark(`Left ${name}. ${how === 'left' ? goesOn : over}`)
  } finally {
    clearTimeout(resizing)
    putBack()
    stdin.off('data', keys)
    stdout.off('resize', resize)
    for (const signal of leavingSignals) process.off(signal, leave)
    process.off('exit', putBack)
    attachment.detach()
  }

  function putBack(): void {
    if (!stdin.isRaw) return
    stdin.setRawMode(false)
    stdin.pause()
    stdout.write(`${plainScreen}\u001b[${stdout.rows};1H\r\n`)
  }
}

/** Attaching needs a terminal at both ends. `next` says what to do without one. */
export function refuseWithoutTerminal(next: string): void {
  if (process.stdin.isTTY && process.stdout.isTTY) return
  throw new CliError({
    code: 'unsupported',
    message: 'attach needs a terminal on stdin and stdout. Nothing was changed.',
    next,
  })
}

/** Hands typed bytes on, all but the chord: Ctrl-] d leaves, Ctrl-] Ctrl-] sends one, Ctrl-] and another key sends both. */
export function createChord(to: { send(bytes: Uint8Array): void; leave(): void }): (bytes: Uint8Array) => void {
  let begun = false
  return (bytes) => {
    const typed: number[] = []
    for (const byte of bytes) {
      if (begun) {
        begun = false
        if (byte === leaveByte) {
          if (typed.length > 0) to.send(Uint8Array.from(typed))
          return to.leave()
        }
        typed.push(chordByte)
        if (byte !== chordByte) typed.push(byte)
      } else if (byte === chordByte) begun = true
      else typed.push(byte)
    }
    if (typed.length > 0) to.send(Uint8Array.from(typed))
  }
}

const leavingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
const clearScreen = '\u001b[2J\u001b[H'
// Every mode that a program may have left on: alternate screen, mouse, focus, paste, application keys, the kitty keyboard's
// flags, synchronised output, origin, scroll region, colours, a hidden cursor, charsets.
const plainScreen =
  '\u001b[?2026l\u001b[?1049l\u001b[?9;1000;1001;1002;1003;1004;1005;1006;1015;1016l\u001b[?2004;2031l\u001b[?1;6;66l\u001b[?7;25h\u001b[<99u\u001b[>4m\u001b[4l\u001b[r\u001b(B\u000f\u001b[0m\u001b[0 q\u001b>'
