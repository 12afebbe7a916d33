// Which files of a checkout a filter of the repository's own would change. Our git leaves such filters off until the person trusts the
// repository; the agent's git does not. Where both look at the same files they would not agree on what is changed.

import { join } from 'node:path'
import { readSmallText } from '../../disk/files.ts'
import { isRepositoryScope, lastValue, splitKey } from '../config-list.ts'
import { configOf, type GitContext, git } from '../exec.ts'
import type { Checkout } from './checkout.ts'

export interface OwnFilter {
  readonly name: string
  /** What it would run. */
  readonly command: string
  readonly files: number
  readonly example: string
}

/** Filters that the repository's configuration names and that files of this checkout ask for. Three git processes at most. */
export async function ownFilters(context: GitContext, checkout: Checkout): Promise<OwnFilter[]> {
  // Most repositories name no filter: then no git is started for it.
  const text = [
    join(checkout.commonDir, 'config'),
    join(checkout.commonDir, 'config.worktree'),
    join(checkout.adminDir, 'config.worktree'),
  ].map((file) => readSmallText(file) ?? '')
  if (!/filter|include/i.test(text.join('\n'))) return []
  const entries = await configOf(context, checkout)
  const commands = new Map<string, string>()
  for (const entry of entries.filter(isRepositoryScope)) {
    const { section, subsection, name } = splitKey(entry.key)
    if (section !== 'filter' || subsection === null || !/^(clean|smudge|process)$/.test(name)) continue
    // The same words as in the person's own configuration: then both gits run it.
    const persons = entries.filter((candidate) => !isRepositoryScope(candidate))
    // An empty value switches the person's filter off, for the agent's git alone.
    if ((lastValue(persons, entry.key) ?? '') !== (entry.value ?? '')) commands.set(subsection, entry.value ?? '')
  }
  if (commands.size === 0) return []
  const { stdout: paths } = await git(context, checkout.worktree, ['ls-files', '-z'], { checkout })
  if (paths.length === 0) return []
  const { stdout } = await git(context, checkout.worktree, ['check-attr', '-z', '--stdin'], {
    checkout,
    operands: ['filter'],
    input: paths,
    maxStdoutBytes: 512 * 1024 * 1024,
  })
  const found = new Map<string, { files: number; example: string }>()
  const fields = stdout.toString('utf8').split('\0')
  for (let index = 0; index + 2 < fields.length; index += 3) {
    const name = fields[index + 2]!
    if (!commands.has(name)) continue
    const known = found.get(name) ?? { files: 0, example: fields[index]! }
    found.set(name, { ...known, files: known.files + 1 })
  }
  return [...found].map(([name, { files, example }]) => ({ name, files, example, command: commands.get(name) ?? '' }))
}
