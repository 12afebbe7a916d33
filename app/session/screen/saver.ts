// When a session's checkpoint is written: soon after the output pauses, now and then during a flood, and once at the end. It
// promises that the last one taken is the last one written, and that a failing disk costs only the checkpoint.
import { type Checkpoint, writeCheckpoint, writeCheckpointNow } from './checkpoint.ts'

export interface SaverOptions {
  readonly stateDir: string
  /** Taken between two pieces of output. */
  take(): Checkpoint
  /** When there was output last, milliseconds since 1970, and how many bytes of it there have been. */
  lastOutputAt(): number | null
  bytes(): number
  readonly clock: () => number
}

export interface Saver {
  /** Something has changed. */
  soon(): void
  /** Written before this returns. */
  now(): void
  /** The last one, then nothing more. */
  close(): void
}

/** A pause in the output of this length is a good moment; during a flood one is written this often or after this much. */
const idleMs = 1_000
const busyMs = 10_000
const busyBytes = 4 * 1024 * 1024

export function createSaver({ stateDir, take, lastOutputAt, bytes, clock }: SaverOptions): Saver {
  let timer: NodeJS.Timeout | null = null
  let savedAt = 0
  let savedBytes = bytes()
  let writing = false
  let closed = false
  let last: Checkpoint | null = null

  function look(): void {
    timer = null
    const at = lastOutputAt()
    const idle = at === null || clock() - at >= idleMs * 0.9
    const due = clock() - savedAt >= busyMs || bytes() - savedBytes >= busyBytes
    if (writing || !(idle || due)) soon()
    else void save()
  }

  async function save(): Promise<void> {
    writing = true
    savedAt = clock()
    savedBytes = bytes()
    await writeCheckpoint(stateDir, take()).catch(() => {})
    writing = false
    // One that was under way when a later one was written at once has replaced that.
    if (last) write(last)
    last = null
  }

  function write(checkpoint: Checkpoint): void {
    try {
      writeCheckpointNow(stateDir, checkpoint)
    } catch {
      // A full disk: the next host reads the spool from the checkpoint before.
    }
  }

  function soon(): void {
    if (closed || timer) return
    timer = setTimeout(look, idleMs)
    timer.unref()
  }

  function now(): void {
    const checkpoint = take()
    if (writing) last = checkpoint
    write(checkpoint)
  }

  return {
    soon,
    now,
    close() {
      if (closed) return
      now()
      closed = true
      if (timer) clearTimeout(timer)
    },
  }
}
