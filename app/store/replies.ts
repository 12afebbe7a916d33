// The replies to commands, so that a client that lost one can ask again and gets the same reply. A retry comes within seconds, so a
// fixed number of the latest is kept; a clock that jumps removes none of them. It knows no commands.
import type { Failure } from '../model/failure.ts'
import type { Database } from './database.ts'

export type Reply = { readonly value: unknown } | { readonly failure: Failure }

export interface StoredReply {
  readonly inputHash: string
  readonly reply: Reply
}

/** How many replies are kept: days of work, a few megabytes. */
export const keepReplies = 20_000
// Old replies are looked for once in so many, not with each command.
const sweepEvery = 256

export interface Replies {
  get(commandId: string): StoredReply | null
  /** The first reply to a command stays its reply. Throws a CoppiceFailure where it cannot be written. */
  save(commandId: string, inputHash: string, reply: Reply): void
}

/** The table of replies in an open database. */
export function createReplies(database: Database, clock: { now(): number }): Replies {
  const { sql } = database
  const select = sql.prepare('SELECT input_hash, reply FROM replies WHERE command_id = ?')
  const insert = sql.prepare('INSERT OR IGNORE INTO replies (command_id, input_hash, reply, at) VALUES (?, ?, ?, ?)')
  const sweep = sql.prepare('DELETE FROM replies WHERE rowid <= (SELECT max(rowid) FROM replies) - ?')
  let saved = 0
  return {
    get(commandId) {
      const row = select.get(commandId) as { input_hash: string; reply: string } | undefined
      return row ? { inputHash: row.input_hash, reply: JSON.parse(row.reply) as Reply } : null
    },
    save(commandId, inputHash, reply) {
      const now = Math.round(clock.now())
      database.transaction(() => {
        insert.run(commandId, inputHash, JSON.stringify(reply), now)
        if (saved % sweepEvery === 0) sweep.run(keepReplies)
      })
      saved++
    },
  }
}
