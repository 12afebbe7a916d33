// A pipe where git reads a file: every question is answered at once, with the file's name, and never by waiting for git.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { inspectForRemoval } from '../../app/git/inspect/removal.ts'
import { branchState } from '../../app/git/refs/refs.ts'
import { readStatus } from '../../app/git/status.ts'
import { readAdminDir } from '../../app/git/worktree/checkout.ts'
import { countingPrograms, failing, repoOf } from './setup.ts'

function withPipe(place: (at: { worktree: string; adminDir: string; commonDir: string }) => string) {
  const repo = repoOf({ files: { 'a/b/c.txt': 'c' } })
  const worktree = repo.worktree('agent/one')
  repo.git('pack-refs', '--all')
  const path = place(readAdminDir(worktree))
  mkdirSync(dirname(path), { recursive: true })
  rmSync(path, { force: true })
  execFileSync('mkfifo', [path])
  return { repo, worktree, path }
}

describe('a pipe where git reads a file', () => {
  it.each([
    ['.gitignore', ({ worktree }) => join(worktree, '.gitignore')],
    ['.gitattributes', ({ worktree }) => join(worktree, '.gitattributes')],
    ['its index', ({ adminDir }) => join(adminDir, 'index')],
    ['its HEAD', ({ adminDir }) => join(adminDir, 'HEAD')],
    ['packed-refs', ({ commonDir }) => join(commonDir, 'packed-refs')],
    ['info/exclude', ({ commonDir }) => join(commonDir, 'info/exclude')],
    ['info/attributes', ({ commonDir }) => join(commonDir, 'info/attributes')],
    ['objects/info/alternates', ({ commonDir }) => join(commonDir, 'objects/info/alternates')],
  ] as [string, Parameters<typeof withPipe>[0]][])(
    '%s: no git is started, and the file is named',
    async (_name, place) => {
      const { repo, worktree, path } = withPipe(place)
      const { programs } = await countingPrograms(() =>
        expect(readStatus(repo.context, worktree)).rejects.toEqual(failing('state-unknown', { path })),
      )
      expect(programs).toBe(0)
      const inspection = await inspectForRemoval(repo.context, worktree, { branch: 'agent/one', baseCommit: null })
      expect(inspection.untracked).toMatchObject({ known: false, why: expect.stringContaining(path) })
    },
  )

  it('in a folder deep in the tree: git is ended, and the file is named', async () => {
    const { repo, worktree, path } = withPipe((at) => join(at.worktree, 'a/b/.gitignore'))
    await expect(readStatus(repo.context, worktree)).rejects.toEqual(failing('state-unknown', { path }))
  })

  it('as a ref: git is ended, and the ref is named', async () => {
    const { repo, worktree, path } = withPipe((at) => join(at.commonDir, 'refs/heads/agent/two'))
    await expect(branchState(repo.context, worktree, 'agent/two')).rejects.toEqual(failing('state-unknown', { path }))
  })

  it('is not what a link to /dev/null is', async () => {
    const repo = repoOf()
    const worktree = repo.worktree('agent/one')
    const exclude = join(repo.commonDir, 'info/exclude')
    if (existsSync(exclude)) renameSync(exclude, `${exclude}.old`)
    mkdirSync(dirname(exclude), { recursive: true })
    symlinkSync('/dev/null', exclude)
    repo.write({ 'new.txt': 'n' }, worktree)
    expect(await readStatus(repo.context, worktree)).toMatchObject({ untracked: 1 })
  })
})
