// The prompts that a person has sent, newest first, so that they can be sent again: one small file of the data directory, for its owner
// alone. It promises to stay small (the oldest go first), to forget what it is told to forget, and to keep nothing of a prompt that
// is too long for it. It is a convenience and no record: the journal never reads it.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { readSmallFile, writeWhole } from '../disk/files.ts'
import { fail } from '../model/failure.ts'

const Entry = z.object({
  id: z.string(),
  text: z.string(),
  /** Null for a run in a folder that lies in no repository. */
  repositoryId: z.string().nullable(),
  /** When it was last sent, in milliseconds since 1970. */
  at: z.number(),
})
export type KeptPrompt = z.infer<typeof Entry>
const File = z.object({ format: z.literal(1), prompts: z.array(Entry) })

export interface PromptHistory {
  /** The newest first, each text once. `search`: only those that hold all of its words. */
  list(filter: { readonly repositoryId?: string | undefined; readonly search?: string | undefined }): KeptPrompt[]
  /** One prompt, whole; null where it is not kept. */
  text(id: string): string | null
  /** Keeps a prompt; one that is there already becomes the newest. */
  add(text: string, repositoryId: string | null, at: number): void
  /** Forgets one prompt everywhere, or all of them. */
  forget(id: string | null): void
}

/** The most prompts that are kept, and the most bytes of one and of all of them. */
const mostPrompts = 200
const mostBytes = 64 * 1024
const mostBytesOfAll = 1024 * 1024
/** JSON may write one byte of a text as six. */
const mostBytesOfFile = 8 * mostBytesOfAll

/** The history that is kept at `path`. Throws `state-unknown` where that file cannot be read as one; forgetting all of it mends that. */
export function openPromptHistory(path: string): PromptHistory {
  const read = (): readonly KeptPrompt[] => {
    const bytes = readSmallFile(path, mostBytesOfFile)
    if (bytes === null) return []
    try {
      return File.parse(JSON.parse(bytes.toString('utf8'))).prompts
    } catch {
      throw fail('state-unknown', { path, message: `${path} is damaged: clear the recent prompts to begin anew` })
    }
  }
  const write = (prompts: readonly KeptPrompt[]) =>
    writeWhole(path, `${JSON.stringify({ format: 1, prompts })}\n`, { mode: 0o600 })
  return {
    list({ repositoryId, search = '' }) {
      const words = search.toLowerCase().split(/\s+/).filter(Boolean)
      const seen = new Set<string>()
      return read().filter((one) => {
        if (repositoryId !== undefined && one.repositoryId !== repositoryId) return false
        const text = one.text.toLowerCase()
        if (seen.has(one.id) || !words.every((word) => text.includes(word))) return false
        seen.add(one.id)
        return true
      })
    },
    text: (id) => read().find((one) => one.id === id)?.text ?? null,
    add(text, repositoryId, at) {
      if (text.trim() === '' || Buffer.byteLength(text) > mostBytes) return
      const id = createHash('sha256').update(text).digest('hex').slice(0, 32)
      const others = read().filter((one) => one.id !== id || one.repositoryId !== repositoryId)
      write(bounded([{ id, text, repositoryId, at }, ...others]))
    },
    forget(id) {
      write(id === null ? [] : read().filter((one) => one.id !== id))
    },
  }
}

function bounded(prompts: readonly KeptPrompt[]): KeptPrompt[] {
  let bytes = 0
  return prompts.slice(0, mostPrompts).filter((one) => {
    bytes += Buffer.byteLength(one.text)
    return bytes <= mostBytesOfAll
  })
}
