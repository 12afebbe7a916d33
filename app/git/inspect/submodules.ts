// Keeps a restored worktree's submodules pointing at their git directories, which lie in the worktree's own admin directory
// and name each other by path. Needed only where the worktree came back under another path or entry name.
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { isMissing } from '../../disk/files.ts'
import { type GitContext, git, gitText } from '../exec.ts'
import type { Checkout } from '../worktree/checkout.ts'

/** Rewrites both pointers of every submodule. `previous` is where the worktree and its admin directory were. Gives the paths. */
export async function repairSubmodules(
  context: GitContext,
  checkout: Checkout,
  previous: { readonly worktree: string; readonly adminDir: string },
): Promise<string[]> {
  const repaired: string[] = []
  for (const gitDir of gitDirsBelow(join(checkout.adminDir, 'modules'))) {
    const config = join(gitDir, 'config')
    const args = ['config', `--file=${config}`, '--null']
    // Not from inside: git would follow the broken pointer before it reads the file.
    const { code, stdout } = await git(context, '/', args, { operands: ['core.worktree'], exits: [1] })
    if (code !== 0) continue
    const formerGitDir = join(previous.adminDir, relative(checkout.adminDir, gitDir))
    const name = relative(previous.worktree, resolve(formerGitDir, stdout.toString('utf8').replace(/\0$/, '')))
    const worktree = join(checkout.worktree, name)
    if (name.startsWith('..') || !existsSync(worktree)) continue
    await gitText(context, '/', ['config', `--file=${config}`], {
      operands: ['core.worktree', relative(gitDir, worktree)],
      write: true,
    })
    writeFileSync(join(worktree, '.git'), `gitdir: ${relative(worktree, gitDir)}\n`)
    repaired.push(name)
  }
  return repaired
}

/** The git directories below a `modules` folder: a submodule's name may hold slashes, and a submodule may have its own. */
function gitDirsBelow(folder: string): string[] {
  let names: string[]
  try {
    names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
  return names.flatMap((name) => {
    const path = join(folder, name)
    const isGitDir = existsSync(join(path, 'HEAD')) && existsSync(join(path, 'objects'))
    return isGitDir ? [path, ...gitDirsBelow(join(path, 'modules'))] : gitDirsBelow(path)
  })
}
