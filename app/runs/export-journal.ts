// The audit log as its own file: complete or absent, readable only by its owner, written in pieces so that a long journal neither
// fills the memory nor blocks the host's loop.
import { randomBytes } from 'node:crypto'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type AuditFormat, exportAudit } from '../store/audit.ts'
import type { Context } from './context.ts'

/** Bytes that are written at once; the loop gets its turn after each. */
const pieceBytes = 256 * 1024

export interface ExportedJournal {
  readonly path: string
  readonly records: number
  /** The hash of the last record: kept elsewhere, it shows later that nothing was cut off. */
  readonly head: string
  readonly bytes: number
}

/** Writes the whole journal. A disk that is full, read-only or failing is said as such, and leaves no half of a file. */
export async function exportJournal(context: Context, { format }: { format: AuditFormat }): Promise<ExportedJournal> {
  const folder = join(context.dataDirectory, 'exports')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  // The last four make it a name of its own where two ask within a second.
  const path = join(folder, `journal-${stampOf(context.now())}-${randomBytes(2).toString('hex')}.${format}`)
  const partial = `${path}.partial`
  let head = { seq: 0, hash: '' }
  let bytes = 0
  try {
    const file = await open(partial, 'wx', 0o600)
    try {
      const records = function* () {
        for (const record of context.journal.records()) {
          head = { seq: record.seq, hash: record.hash }
          yield record
        }
      }
      let piece = ''
      const flush = async () => {
        bytes += (await file.write(piece)).bytesWritten
        piece = ''
      }
      for (const line of exportAudit(records(), format)) {
        piece += line
        if (piece.length >= pieceBytes) await flush()
      }
      await flush()
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
  return { path, records: head.seq, head: head.hash, bytes }
}

/** "20261125-143059", in UTC as the records are. */
const stampOf = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-')
