// A copy of a checkout's index, for one comparison: git may refresh it and is told of untracked files in it, while the real index
// stays as it is and nobody waits for its lock. Nothing is added to the object store.
import { copyFileSync, mkdtempSync, rmSync, statSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isMissing } from '../../disk/files.ts'
import { type GitContext, git } from '../exec.ts'
import type { Checkout } from '../worktree/checkout.ts'

/** The name of the empty content, which stands for content that git reads from the worktree. */
const emptyBlob: Readonly<Record<number, string>> = {
  40: 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391',
  64: '473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813',
}

/**
 * Calls `work` with the path of a copy that also names `untracked` (bytes, files only). One git process where there are any, else
 * none. `objectLength`: 40 or 64. A worktree without an index has an empty one.
 */
export async function withTemporaryIndex<T>(
  context: GitContext,
  checkout: Checkout,
  options: {
    readonly untracked: readonly Buffer[]
    readonly objectLength: number
    readonly signal?: AbortSignal | undefined
  },
  work: (variables: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(context.scratchDirectory ?? tmpdir(), 'coppice-index-'))
  try {
    const path = join(directory, 'index')
    copyIndex(join(checkout.adminDir, 'index'), path)
    const variables = { GIT_INDEX_FILE: path }
    if (options.untracked.length > 0) {
      const entry = Buffer.from(`100644 ${emptyBlob[options.objectLength]} 0\t`)
      const input = Buffer.concat(options.untracked.flatMap((name) => [entry, name, nul]))
      await git(context, checkout.worktree, ['update-index', '-z', '--index-info'], {
        checkout,
        variables,
        input,
        signal: options.signal,
        // A split index would be written beside the real one.
        config: [['core.splitIndex', 'false']],
      })
    }
    return await work(variables)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const nul = Buffer.from([0])

function copyIndex(from: string, to: string): void {
  try {
    const { mtimeMs } = statSync(from)
    copyFileSync(from, to)
    // git compares the content of a file that changed at or after the time of its index: a copy that looked newer would hide a
    // change. An older time only makes it compare more.
    const seconds = Math.floor(mtimeMs / 1000)
    utimesSync(to, seconds, seconds)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}
