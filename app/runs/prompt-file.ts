// A prompt is kept in full as a 0600 file in the run's folder of the data directory; the journal and the clients get its beginning.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fail } from '../model/failure.ts'
import { isSettled, maxPromptBytes, type PromptHead, type Run } from '../model/run.ts'

const headCharacters = 2_000

/** The folder of a run's own files (prompts, transcripts, checkpoints). */
export const runDirectory = (dataDirectory: string, runId: string): string => join(dataDirectory, 'runs', runId)

/** The file that holds the prompt of one attempt. */
export const promptPath = (dataDirectory: string, runId: string, attempt: number): string =>
  join(runDirectory(dataDirectory, runId), 'prompts', `${attempt}.txt`)

/** What the journal keeps of a prompt. Throws `prompt-too-long` above 1 MiB of UTF-8. */
export function promptHead(text: string): PromptHead {
  const bytes = Buffer.byteLength(text)
  if (bytes > maxPromptBytes) throw fail('prompt-too-long', { bytes, limit: maxPromptBytes })
  if (text.includes('\0')) throw fail('bad-input', { field: 'prompt', message: 'must not contain a NUL character' })
  return { head: text.slice(0, headCharacters), bytes, sha256: createHash('sha256').update(text).digest('hex') }
}

/** Writes the prompt of one attempt: whole or not at all, so that a full disk does not cut the one that was there. */
export async function writePrompt(dataDirectory: string, runId: string, attempt: number, text: string): Promise<void> {
  const path = promptPath(dataDirectory, runId, attempt)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  try {
    await writeFile(`${path}.part`, text, { mode: 0o600 })
    await rename(`${path}.part`, path)
  } catch (error) {
    await rm(`${path}.part`, { force: true })
    throw error
  }
}

/**
 * Writes the first prompt of runs that are about to be queued, and gives the function that takes them back. All or none, and
 * without a pause: nobody can take one of the ids meanwhile, and what cannot be written refuses the create.
 */
export function writeFirstPrompts(dataDirectory: string, runIds: readonly string[], text: string): () => void {
  const made: string[] = []
  const undo = () => {
    for (const folder of made) rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const runId of runIds) {
      const folder = runDirectory(dataDirectory, runId)
      if (!existsSync(folder)) made.push(folder)
      mkdirSync(dirname(promptPath(dataDirectory, runId, 1)), { recursive: true, mode: 0o700 })
      writeFileSync(promptPath(dataDirectory, runId, 1), text, { mode: 0o600 })
    }
  } catch (error) {
    undo()
    throw error
  }
  return undo
}

/**
 * A run's own prompt, whole; null where it has none. One whose file is gone or is another text comes from the journal, where that
 * holds all of it. Else `start-failed`: an agent that is started without its task would do something, but not that.
 */
export async function readFirstPrompt(dataDirectory: string, run: Run): Promise<string | null> {
  if (!run.prompt) return null
  const text = await readPrompt(dataDirectory, run.id, 1)
  if (text !== null && promptHead(text).sha256 === run.prompt.sha256) return text
  const { head, sha256 } = run.prompt
  if (promptHead(head).sha256 !== sha256) {
    throw fail(
      'start-failed',
      {
        command: run.agent,
        message: `its prompt file is ${text === null ? 'missing' : 'damaged'}`,
        ...(isSettled(run.phase) && run.worktree ? { path: run.worktree } : {}),
      },
      { stage: 'start' },
    )
  }
  await writePrompt(dataDirectory, run.id, 1, head)
  return head
}

/** Reads the prompt of one attempt, or null where it had none. */
export async function readPrompt(dataDirectory: string, runId: string, attempt: number): Promise<string | null> {
  return readFile(promptPath(dataDirectory, runId, attempt), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}
