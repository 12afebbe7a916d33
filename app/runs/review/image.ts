// review.image: one side of a picture that changed. Reads only; of the worktree only a plain file that no link leads to.
import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { CommandOutput } from '../../contract/commands/index.ts'
import { isMissing, lstatOrNull, readSmallFile } from '../../disk/files.ts'
import { fileIdOf } from '../../git/diff/quote.ts'
import { git } from '../../git/exec.ts'
import { maxImageBytes, type Scope } from '../../model/diff.ts'
import { fail } from '../../model/failure.ts'
import type { Context } from '../context.ts'
import { comparedBefore } from './compare-run.ts'
import { imageTypeOf } from './describe-file.ts'
import { placeOfReview } from './place.ts'

/** Its bytes. Throws `not-found` where that side has no such file, `unsupported` for another kind of file, `too-large`. */
export async function readImage(
  context: Context,
  input: { readonly runId: string; readonly scope: Scope; readonly path: string; readonly side: 'old' | 'new' },
  signal?: AbortSignal,
): Promise<CommandOutput<'review.image'>> {
  const compared = await comparedBefore(context, { ...input, ignoreWhitespace: false }, signal)
  const file = compared.files.find(({ path }) => fileIdOf(path) === input.path)
  if (!file) throw fail('not-found', { what: 'file', id: input.path })
  const path = input.side === 'old' ? (file.oldPath ?? file.path) : file.path
  const type = imageTypeOf(path)
  if (type === null) throw fail('unsupported', { path: input.path, message: 'only png, jpeg, gif and webp are shown' })
  const place = await placeOfReview(context, input.runId)
  const mode = input.side === 'old' ? file.oldMode : file.newMode
  if (!mode.startsWith('100')) throw fail('not-found', { what: 'file', id: input.path })
  let bytes: Buffer | null
  if (input.side === 'new' && compared.to === null) bytes = ofWorktree(place.checkout.worktree, path)
  else {
    const id = input.side === 'old' ? file.oldId : file.newId
    if (id === null) throw fail('not-found', { what: 'file', id: input.path })
    const { stdout } = await git(place.git, place.checkout.worktree, ['cat-file', '--batch'], {
      checkout: place.checkout,
      input: `${id}\n`,
      maxStdoutBytes: maxImageBytes + 1000,
      signal,
    })
    const start = stdout.indexOf(0x0a) + 1
    const size = Number(/ blob (\d+)$/.exec(stdout.subarray(0, Math.max(0, start - 1)).toString('latin1'))?.[1] ?? -1)
    bytes = size < 0 ? null : stdout.subarray(start, start + size)
  }
  if (bytes === null) throw fail('not-found', { what: 'file', id: input.path })
  if (bytes.length > maxImageBytes)
    throw fail('too-large', { what: input.path, bytes: bytes.length, max: maxImageBytes })
  return { type, data: bytes.toString('base64'), bytes: bytes.length }
}

function ofWorktree(worktree: string, path: Buffer): Buffer | null {
  const place = join(worktree, path.toString('utf8'))
  const folder = realFolder(dirname(place))
  const facts = folder === dirname(place) ? lstatOrNull(place) : null
  if (!facts?.isFile()) return null
  if (facts.size > maxImageBytes)
    throw fail('too-large', { what: path.toString('utf8'), bytes: facts.size, max: maxImageBytes })
  return readSmallFile(place, maxImageBytes)
}

function realFolder(path: string): string | null {
  try {
    return realpathSync(path)
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}
