// The journal: what happened, in order, durable before anyone is told, and the state as its fold. It is the only way to change the
// state, and it is the audit log. It promises one chain of hashes without gaps, listeners called in order, and that a failed append
// changes nothing. It knows events as values; app/runs knows what they are for.
import { type Actor, Event, type JournalRecord } from '../model/event.ts'
import { reduce, type State } from '../model/state.ts'
import { visibleText } from '../model/text/text.ts'
import { canonicalJson } from './canonical.ts'
import { genesisHash, type Head, hashOf, type Verdict, verifyChain } from './chain.ts'
import type { Database } from './database.ts'
import { startFold } from './fold.ts'
import { createReplies, type Reply, type StoredReply } from './replies.ts'

/** Who caused a record: the operating-system user and their client, the command, and the SHA-256 of its input. */
export interface By {
  readonly actor: Actor
  readonly commandId: string | null
  readonly inputHash: string | null
}

export interface JournalPage {
  /** Newest first. */
  readonly records: JournalRecord[]
  /** True where older ones match too: ask again with `before` = the last one's `seq`. */
  readonly more: boolean
}

export interface JournalQuery {
  readonly before?: number | undefined
  readonly limit?: number | undefined
  /** Plain text, found in any letter case (ASCII) in the event, the user, or the command's id. */
  readonly search?: string | undefined
  readonly runId?: string | undefined
}

export interface Journal {
  readonly state: State
  /** Records that the fold passed over: of a type that this build does not know, or not of the shape it should have. */
  readonly skipped: readonly { readonly seq: number; readonly type: string; readonly why: string }[]
  /** On the disk before this returns. Throws a CoppiceFailure (`no-space`, `read-only` …), and then nothing has changed. */
  append(event: Event, by: By): JournalRecord
  /** The same for several, all or none of them. */
  appendAll(events: readonly Event[], by: By): JournalRecord[]
  /** Called after each append, in order. Gives the way to stop. */
  onRecord(listener: (record: JournalRecord) => void): () => void
  /** The records after number `seq`; null where they are more than `limit`, `seq` lies ahead, or an old client could not follow them. */
  since(seq: number, limit: number): JournalRecord[] | null
  read(query: JournalQuery): JournalPage
  /** Everything that one command caused, oldest first. */
  recordsOf(commandId: string): JournalRecord[]
  /** All records, oldest first, read page by page: appending meanwhile is allowed. */
  records(): Iterable<JournalRecord>
  reply(commandId: string): StoredReply | null
  saveReply(commandId: string, inputHash: string, reply: Reply): void
  /** Checks the whole chain; with an anchor (a head that was kept elsewhere) also that nothing was cut off since. */
  verify(anchor?: Head): Verdict
  head(): Head
  close(): void
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** A clock that only goes forward, in milliseconds since some moment that stays the same while the machine is up. */
  mono(): number
}

const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => Number(process.hrtime.bigint() / 1_000_000n),
}

export interface JournalOptions {
  readonly clock?: Clock
  /** Told of a listener that threw. Default: thrown later, on its own, as a bug is. */
  onListenerError?(error: unknown): void
}

interface Row {
  seq: number
  at: number
  mono: number
  user: string
  via: Actor['via']
  command_id: string | null
  input_hash: string | null
  event: string
  previous_hash: string
  hash: string
}

const columns = 'seq, at, mono, user, via, command_id, input_hash, event, previous_hash, hash'
const pageSize = 1000

/** Reads the whole journal into the state. Closing the journal closes the database. */
export function openJournal(database: Database, options: JournalOptions = {}): Journal {
  const { sql } = database
  const clock = options.clock ?? systemClock
  const replies = createReplies(database, clock)
  const insert = sql.prepare(`INSERT INTO records (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const selectAfter = sql.prepare(`SELECT ${columns} FROM records WHERE seq > ? ORDER BY seq LIMIT ?`)
  const selectByCommand = sql.prepare(`SELECT ${columns} FROM records WHERE command_id = ? ORDER BY seq`)
  const selectPage = sql.prepare(
    `SELECT ${columns} FROM records
     WHERE seq < :before AND (:runId IS NULL OR run_id = :runId)
       AND (:search IS NULL OR event LIKE :search ESCAPE '!' OR user LIKE :search ESCAPE '!' OR command_id LIKE :search ESCAPE '!')
     ORDER BY seq DESC LIMIT :limit`,
  )
  const rowsAfter = (seq: number, limit: number) => selectAfter.all(seq, limit) as unknown as Row[]

  const opened = openState(allRows(rowsAfter))
  let { state, head } = opened
  const { skipped } = opened

  const listeners = new Set<(record: JournalRecord) => void>()
  const waiting: JournalRecord[] = []
  let telling = false

  // A listener may append. What it appends is told after what it was told, to every listener alike.
  function tell(records: readonly JournalRecord[]): void {
    waiting.push(...records)
    if (telling) return
    telling = true
    for (let record = waiting.shift(); record; record = waiting.shift()) {
      for (const listener of [...listeners]) {
        try {
          listener(record)
        } catch (error) {
          if (options.onListenerError) options.onListenerError(error)
          else queueMicrotask(() => Promise.reject(error))
        }
      }
    }
    telling = false
  }

  function appendAll(events: readonly Event[], by: By): JournalRecord[] {
    if (events.length === 0) return []
    let last = head
    let next = state
    const records = events.map((raw) => {
      const record = link(Event.parse(raw), by, last, clock)
      last = { seq: record.seq, hash: record.hash }
      next = reduce(next, record.seq, record.at, record.event)
      return record
    })
    database.transaction(() => {
      for (const record of records) insert.run(...toRow(record))
    })
    state = next
    head = last
    tell(records)
    return records
  }

  function* allRecords(): Generator<JournalRecord> {
    for (const row of allRows(rowsAfter)) yield toRecord(row)
  }

  return {
    get state() {
      return state
    },
    skipped,
    append: (event, by) => appendAll([event], by)[0]!,
    appendAll,
    onRecord(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    since(seq, limit) {
      if (seq > head.seq || head.seq - seq > limit) return null
      // A client that is sent a record it cannot read sees a gap for ever; a snapshot carries it over.
      if (skipped.some((record) => record.seq > seq)) return null
      return rowsAfter(seq, limit).map(toRecord)
    },
    read({ before, limit = 200, search, runId }) {
      // Events are kept as JSON: a quote, a backslash or a line end is written there as it is in a string of JSON.
      const text = search ? JSON.stringify(search).slice(1, -1) : null
      const rows = selectPage.all({
        before: before ?? Number.MAX_SAFE_INTEGER,
        runId: runId ?? null,
        search: text === null ? null : `%${text.replace(/[!%_]/g, '!$&')}%`,
        limit: limit + 1,
      }) as unknown as Row[]
      return { records: rows.slice(0, limit).map(toRecord), more: rows.length > limit }
    },
    recordsOf: (commandId) => (selectByCommand.all(commandId) as unknown as Row[]).map(toRecord),
    records: () => allRecords(),
    reply: replies.get,
    saveReply: replies.save,
    verify(anchor) {
      try {
        return verifyChain(allRecords(), anchor)
      } catch (error) {
        // A record that is no JSON any more cannot be read at all; the one after the last good one is it.
        return { ok: false, firstBad: firstUnreadable(rowsAfter), why: `unreadable: ${(error as Error).message}` }
      }
    },
    head: () => head,
    close: () => database.close(),
  }
}

function openState(rows: Iterable<Row>) {
  const fold = startFold()
  const skipped: { seq: number; type: string; why: string }[] = []
  let head: Head = { seq: 0, hash: genesisHash }
  for (const row of rows) {
    head = { seq: row.seq, hash: row.hash }
    const { event, type, why } = readEvent(row.event)
    if (event) fold.add(row.seq, row.at, event)
    else {
      fold.skip(row.seq)
      skipped.push({ seq: row.seq, type, why })
    }
  }
  return { state: fold.state(), skipped, head }
}

function readEvent(text: string): { event: Event | null; type: string; why: string } {
  try {
    const raw: unknown = JSON.parse(text)
    const parsed = Event.safeParse(raw)
    const type = String((raw as { type?: unknown } | null)?.type)
    if (parsed.success) return { event: parsed.data, type, why: '' }
    return { event: null, type, why: parsed.error.issues[0]?.message ?? 'unknown shape' }
  } catch (error) {
    return { event: null, type: 'unreadable', why: (error as Error).message }
  }
}

function link(event: Event, by: By, head: Head, clock: Clock): JournalRecord {
  const body = {
    seq: head.seq + 1,
    at: Math.round(clock.now()),
    mono: Math.round(clock.mono()),
    // Half a surrogate pair would be hashed as one thing and come back from SQLite as another; a line break would break the audit log.
    actor: { user: visibleText(by.actor.user), via: by.actor.via },
    commandId: by.commandId === null ? null : visibleText(by.commandId) || null,
    inputHash: by.inputHash,
    event,
    previousHash: head.hash,
  }
  return { ...body, hash: hashOf(body) }
}

function* allRows(rowsAfter: (seq: number, limit: number) => Row[]): Generator<Row> {
  for (let rows = rowsAfter(0, pageSize); rows.length > 0; rows = rowsAfter(rows.at(-1)!.seq, pageSize)) yield* rows
}

function firstUnreadable(rowsAfter: (seq: number, limit: number) => Row[]): number {
  for (const row of allRows(rowsAfter)) {
    try {
      toRecord(row)
    } catch {
      return row.seq
    }
  }
  return 0
}

const toRow = (record: JournalRecord) =>
  [
    record.seq,
    record.at,
    record.mono,
    record.actor.user,
    record.actor.via,
    record.commandId,
    record.inputHash,
    canonicalJson(record.event),
    record.previousHash,
    record.hash,
  ] as const

// The event is handed on as it was written, whatever its type: it is what the hash covers.
const toRecord = (row: Row): JournalRecord => ({
  seq: row.seq,
  at: row.at,
  mono: row.mono,
  actor: { user: row.user, via: row.via },
  commandId: row.command_id,
  inputHash: row.input_hash,
  event: JSON.parse(row.event) as Event,
  previousHash: row.previous_hash,
  hash: row.hash,
})
