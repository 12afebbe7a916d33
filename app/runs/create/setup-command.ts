// The repository's own set-up command: `{ "setup": "make seed" }` in `.coppice.json` at its root. It lets a repository's file run
// code on the person's machine, so each content is shown and approved once; the approval is of its SHA-256.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { readSmallText } from '../../disk/files.ts'
import type { Asked } from '../../model/approval.ts'
import { fail, failureOf } from '../../model/failure.ts'

export const setupFileName = '.coppice.json'
const maxFileBytes = 64 * 1024

const File = z.object({ setup: z.string().trim().min(1).max(8_192).optional() })

export interface SetupCommand {
  readonly command: string
  readonly source: string
  readonly hash: string
}

/** Reads the text of `.coppice.json`. Null where it names no set-up; throws `setup-failed` where it cannot be read as such. */
export function parseSetup(text: string | null): SetupCommand | null {
  if (text === null) return null
  if (text.length > maxFileBytes)
    throw fail('setup-failed', { file: setupFileName, message: 'the file is larger than 64 KiB' })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw fail(
      'setup-failed',
      { file: setupFileName, message: `not JSON: ${(error as Error).message}` },
      { stage: 'setup' },
    )
  }
  const parsed = File.safeParse(value)
  if (!parsed.success) {
    throw fail(
      'setup-failed',
      { file: setupFileName, message: '"setup" must be a command line (a string)' },
      { stage: 'setup' },
    )
  }
  const command = parsed.data.setup
  return command === undefined
    ? null
    : { command, source: setupFileName, hash: createHash('sha256').update(command).digest('hex') }
}

/** The set-up of a worktree, by the file that lies in it. What is there is the repository's: it may be a device, or have no end. */
export function readSetup(worktree: string): SetupCommand | null {
  let text: string | null
  try {
    text = readSmallText(join(worktree, setupFileName), maxFileBytes)
  } catch (error) {
    const { detail, code } = failureOf(error)
    throw fail('setup-failed', { file: setupFileName, message: String(detail?.message ?? code) }, { stage: 'setup' })
  }
  return parseSetup(text)
}

/** A set-up as what a person is asked about. */
export function setupAsked({ command, source, hash }: SetupCommand): Pick<Asked, 'request' | 'hash'> {
  return { request: { kind: 'setup', command, source }, hash }
}
