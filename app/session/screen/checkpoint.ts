// What a session leaves on disk for the next host: the screen with its byte position (written completely or not at all), and the
// byte up to which queries have been answered (written before each answer). Both only help: without them the screen is rebuilt from
// the spool. It knows no terminal and no keeper.
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const version = 1

export const Checkpoint = z.object({
  version: z.literal(version),
  kind: z.enum(['pty', 'pipe']),
  cols: z.number().int().positive(),
  rows: z.number().int().positive(),
  /** How many bytes of each stream the screen holds. */
  out: z.number().int().min(0),
  err: z.number().int().min(0),
  /** The serialised screen; the unfinished sequence after it, in base64. */
  screen: z.string(),
  tail: z.string(),
  /** Bytes of events.ndjson that belong to it. */
  teed: z.number().int().min(0),
  stderrTail: z.string(),
  dropped: z.number().int().min(0),
  title: z.string().nullable(),
  lastOutputAt: z.number().nullable(),
  /** The activity's memory and the agent's own session id: read by those who wrote them. */
  activity: z.unknown(),
  agentSession: z.string().nullable(),
})
export type Checkpoint = z.infer<typeof Checkpoint>
export const checkpointVersion = version

const fileName = 'screen.json'

/** The checkpoint in a session's folder; null where there is none that can be read, whatever the reason. */
export function readCheckpoint(stateDir: string): Checkpoint | null {
  try {
    const parsed = Checkpoint.safeParse(JSON.parse(readFileSync(join(stateDir, fileName), 'utf8')))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

/** Writes it whole or not at all. Rejects where the disk refuses. */
export async function writeCheckpoint(stateDir: string, checkpoint: Checkpoint): Promise<void> {
  const path = join(stateDir, fileName)
  await writeFile(`${path}.new`, JSON.stringify(checkpoint), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** The same before it returns, for the last one. Throws where the disk refuses. */
export function writeCheckpointNow(stateDir: string, checkpoint: Checkpoint): void {
  const path = join(stateDir, fileName)
  // Another name than the asynchronous one's, which may be half written at this moment.
  writeFileSync(`${path}.last`, JSON.stringify(checkpoint), { mode: 0o600 })
  renameSync(`${path}.last`, path)
}

/** Makes a session's folder. A disk that refuses costs the checkpoint, not the session. */
export function prepareStateDir(stateDir: string): void {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  } catch {
    // Every write below says so again, and is left out.
  }
}

export interface Answered {
  /** Queries before this byte of the output have been answered. */
  readonly upTo: number
  /** To be called before an answer is written: an answer that is given twice is typed into the program as text. */
  advance(upTo: number): void
  close(): void
}

/** Opens the mark in a session's folder; 0 where there is none. */
export function openAnswered(stateDir: string): Answered {
  const path = join(stateDir, 'answered')
  let upTo = readNumber(path)
  let file: number | null = null
  return {
    get upTo() {
      return upTo
    },
    advance(next) {
      if (next <= upTo) return
      upTo = next
      try {
        // A fixed width, so that a shorter number never leaves digits of a longer one behind.
        file ??= openSync(path, 'w', 0o600)
        writeSync(file, `${String(next).padStart(16, '0')}\n`, 0)
      } catch {
        // A full disk: the answer is still given, because an agent waits for it; only a crash now would give it twice.
      }
    },
    close() {
      if (file !== null) closeSync(file)
      file = null
    },
  }
}

function readNumber(path: string): number {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return /^\d{1,16}$/.test(text) ? Number(text) : 0
  } catch {
    return 0
  }
}
