// A git that writes each of its calls down before it does its work, for a host in another process: how many git processes a verb
// starts is then known, whoever starts them.
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOnPath } from '../../app/process/environment.ts'

export interface CountedGit {
  /** For a host: its git, and the git that its login shell finds, are the counted one. */
  readonly environment: Record<string, string>
  /** The subcommands that were called since the last look, in order. */
  take(): string[]
  close(): void
}

export async function countedGit(): Promise<CountedGit> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-counted-git-')))
  const calls = join(directory, 'calls')
  const real = await findOnPath('git', { PATH: process.env.PATH ?? '/usr/bin:/bin' })
  const program = (name: string, text: string) => {
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  }
  mkdirSync(join(directory, 'shell'))
  program(
    'git',
    `# The subcommand is the first argument that is no global option.
skip=
for argument; do
  if [ -n "$skip" ]; then skip=; continue; fi
  case $argument in -c|-C) skip=1;; -*) ;; *) echo "$argument" >> '${calls}'; break;; esac
done
exec '${real}' "$@"`,
  )
  // The host asks the login shell for PATH; this one says what the bench wants, whatever this machine's profile does to it.
  program('shell/bash', `for last; do :; done\nPATH='${directory}':"$PATH"\nexport PATH\nexec /bin/sh -c "$last"`)
  writeFileSync(calls, '')
  return {
    environment: { SHELL: join(directory, 'shell/bash'), PATH: `${directory}:${process.env.PATH}` },
    take() {
      const seen = readFileSync(calls, 'utf8').split('\n').filter(Boolean)
      writeFileSync(calls, '')
      return seen
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  }
}
