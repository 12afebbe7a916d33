// Shared by the tests of this folder: repositories that close themselves, and a git that is slow, counted or fake.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import type { GitContext } from '../../app/git/exec.ts'
import { programsSpawned } from '../../app/process/run-program.ts'
import { makeRepo, type RepoOptions, type TestRepo } from '../harness/test-repo.ts'

const open: TestRepo[] = []
afterEach(() => {
  for (const repo of open.splice(0)) repo.close()
})

/** A repository that is removed after the test. */
export function repoOf(options?: RepoOptions): TestRepo {
  const repo = makeRepo(options)
  open.push(repo)
  return repo
}

/** Matches a CoppiceFailure by its code, and its detail where given. */
export function failing(code: string, detail?: Record<string, unknown>): unknown {
  const failure = { code, ...(detail ? { detail: expect.objectContaining(detail) } : {}) }
  return expect.objectContaining({ failure: expect.objectContaining(failure) })
}

/** A context whose git is a shell script. */
export function scripted(repo: TestRepo, script: string): GitContext {
  const file = join(repo.root, `git-${Math.random().toString(36).slice(2)}`)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return { ...repo.context, file }
}

/** How many programs `work` started. */
export async function countingPrograms<T>(work: () => Promise<T>): Promise<{ value: T; programs: number }> {
  const before = programsSpawned()
  const value = await work()
  return { value, programs: programsSpawned() - before }
}

/** A script that leaves a mark when it is run, and the question whether it was. */
export function canary(repo: TestRepo, name = 'canary'): { readonly script: string; sang(): string | null } {
  const mark = join(repo.root, `${name}.sang`)
  const script = join(repo.root, `${name}.sh`)
  // Whatever it is run as, it passes its input on: a filter that broke the command would hide the mark's meaning.
  writeFileSync(script, `#!/bin/sh\necho "$0 $*" >> '${mark}'\n[ -t 0 ] || cat\nexit 0\n`)
  chmodSync(script, 0o755)
  return { script, sang: () => (existsSync(mark) ? readFileSync(mark, 'utf8') : null) }
}
