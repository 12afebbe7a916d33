// Where each change of a checkout is: staged, unstaged, untracked, in conflict. One `git status`, which takes no lock; every path in
// bytes.

import { fail } from '../../model/failure.ts'
import { type GitContext, git } from '../exec.ts'
import type { Checkout } from '../worktree/checkout.ts'

export interface WorktreeFacts {
  /** null where HEAD has no commit yet. */
  readonly head: string | null
  /** Keys are paths as latin1, so that bytes stay what they are. */
  readonly staged: ReadonlySet<string>
  readonly unstaged: ReadonlySet<string>
  readonly conflicted: ReadonlySet<string>
  /** Files, in git's order. */
  readonly untracked: readonly Buffer[]
  /** Untracked folders that are repositories of their own, without their final slash. */
  readonly repositories: readonly Buffer[]
}

/** Bytes of a path as a key. */
export const keyOf = (path: Buffer): string => path.toString('latin1')

/** Reads them now. Throws `state-unknown` for an answer that cannot be read. */
export async function worktreeFacts(
  context: GitContext,
  checkout: Checkout,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<WorktreeFacts> {
  const args = ['--porcelain=v2', '--branch', '-z', '--no-renames', '--no-ahead-behind']
  const { stdout } = await git(
    context,
    checkout.worktree,
    ['status', ...args, '--ignore-submodules=dirty', '--untracked-files=all'],
    { checkout, signal: options.signal, maxStdoutBytes: 256 * 1024 * 1024 },
  )
  return parseFacts(stdout)
}

/** Parses porcelain v2 with -z and without renames. */
export function parseFacts(output: Buffer): WorktreeFacts {
  const staged = new Set<string>()
  const unstaged = new Set<string>()
  const conflicted = new Set<string>()
  const untracked: Buffer[] = []
  const repositories: Buffer[] = []
  let head: string | null = null
  let begun = false
  let from = 0
  for (let end = output.indexOf(0); end >= 0; end = output.indexOf(0, from)) {
    const record = output.subarray(from, end)
    from = end + 1
    const kind = record[0]
    if (kind === 0x23) {
      const oid = /^# branch\.oid (.*)$/.exec(record.toString('latin1'))?.[1]
      if (oid !== undefined) {
        begun = true
        head = oid === '(initial)' ? null : oid
      }
    } else if (kind === 0x31) {
      const path = keyOf(afterFields(record, 8))
      if (record[2] !== 0x2e) staged.add(path)
      if (record[3] !== 0x2e) unstaged.add(path)
    } else if (kind === 0x75) conflicted.add(keyOf(afterFields(record, 10)))
    else if (kind === 0x3f) {
      const path = Buffer.from(record.subarray(2))
      if (path.at(-1) === 0x2f) repositories.push(path.subarray(0, -1))
      else untracked.push(path)
    } else throw fail('state-unknown', { message: `git status said "${record.toString('utf8').slice(0, 100)}"` })
  }
  if (!begun || from !== output.length) throw fail('state-unknown', { message: 'git status did not finish' })
  return { head, staged, unstaged, conflicted, untracked, repositories }
}

/** What follows the first `count` fields; a path may hold spaces. */
function afterFields(record: Buffer, count: number): Buffer {
  let at = 0
  for (let field = 0; field < count; field++) at = record.indexOf(0x20, at) + 1
  return record.subarray(at)
}
