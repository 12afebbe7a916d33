// The names of things. A person chooses a run's id, or it is made from the prompt. It is part of a branch and of a path, so its
// alphabet is small. Pure: no Node, no DOM.
import { z } from 'zod'

/** 1–48 of A–Z a–z 0–9 . _ -, starting with a letter or digit, with no "..", no trailing "." or ".lock" (git refuses those in refs). */
export const RunId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/,
    'use up to 48 letters, digits, ".", "_" or "-", starting with a letter or digit',
  )
  .refine((id) => !id.includes('..') && !/(\.|\.lock)$/i.test(id), 'must not contain ".." or end in "." or ".lock"')
  // Runs are kept in objects by their id.
  .refine((id) => !(id in {}), 'is a name that JavaScript keeps for itself')
export type RunId = z.infer<typeof RunId>

export const RepositoryId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/)
export type RepositoryId = z.infer<typeof RepositoryId>

/**
 * One live pty or pipe. `<run id>.<attempt>` for an agent, `<run id>.setup-<time>` and `<run id>.install-<time>` for the stages before
 * it, `<run id>.side-<number>` for what a person opened beside it.
 */
export const SessionId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
export type SessionId = z.infer<typeof SessionId>

/**
 * A slug for a branch or an id: lower-case ASCII words joined by "-", at most `max` characters, cut at a word.
 * Empty where the text holds no letter or digit that survives (an all-emoji prompt): the caller picks a fallback.
 */
export function slugOf(text: string, max = 40): string {
  const words = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .match(/[a-z0-9]+/g)
  let slug = ''
  for (const word of words ?? []) {
    const next = slug ? `${slug}-${word}` : word
    if (next.length > max) break
    slug = next
  }
  return slug || (words?.[0] ?? '').slice(0, max)
}
