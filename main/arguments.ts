// What the window was asked to open. Pure. A second start passes this to the first one, which parses it again.
import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'

export const Request = z.object({
  /** The absolute path of a folder to open. */
  path: z
    .string()
    .min(1)
    .max(4096)
    .refine((path) => isAbsolute(path) && !path.includes('\0'))
    .nullable(),
  demo: z.boolean(),
})
export type Request = z.infer<typeof Request>

/**
 * Reads a process's arguments: the last word that is no switch is the path. `skip` is how many come before the app's own: the
 * executable, and unpackaged also the app's folder. Chromium's own switches are left to it.
 */
export function parseArguments(argv: readonly string[], cwd: string, skip: number): Request {
  let path: string | null = null
  let demo = false
  for (const word of argv.slice(skip)) {
    if (word === '--demo') demo = true
    else if (!word.startsWith('-') && word !== '') path = word
  }
  const request = { path: path === null ? null : resolve(cwd, path), demo }
  return Request.safeParse(request).success ? request : { path: null, demo }
}

/** What a second start handed over, or nothing where it is not what we send. */
export function parseHandedOver(value: unknown): Request {
  const parsed = Request.safeParse(value)
  return parsed.success ? parsed.data : { path: null, demo: false }
}
