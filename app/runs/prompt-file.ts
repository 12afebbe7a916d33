// A prompt is kept whole as a 0600 file in the run's folder of the data directory; the journal and the clients get its head.
import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fail } from '../model/failure.ts'
import { maxPromptBytes, type PromptHead } from '../model/run.ts'

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

/** Writes the prompt of one attempt. */
export async function writePrompt(dataDirectory: string, runId: string, attempt: number, text: string): Promise<void> {
  await mkdir(dirname(promptPath(dataDirectory, runId, attempt)), { recursive: true, mode: 0o700 })
  await writeFile(promptPath(dataDirectory, runId, attempt), text, { mode: 0o600 })
}

/** Reads the prompt of one attempt, or null where it had none. */
export async function readPrompt(dataDirectory: string, runId: string, attempt: number): Promise<string | null> {
  return readFile(promptPath(dataDirectory, runId, attempt), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}
