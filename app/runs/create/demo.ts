// The demo: a scratch repository below the data directory and four scripted agents in it (one edits and commits, one asks, one
// floods the terminal, one fails), so that the whole life of a run can be seen without any agent installed and without a network.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { demoFiles, demoScripts } from '../../agents/demo.ts'
import { exists } from '../../disk/presence.ts'
import { git } from '../../git/exec.ts'
import { locateCheckout } from '../../git/worktree/checkout.ts'
import type { Caller, Context } from '../context.ts'
import { addRepository } from '../repositories.ts'
import { createRuns } from './create.ts'

/** Makes the scratch repository where it is not there yet and starts the four agents. */
export async function startDemo(context: Context, caller: Caller): Promise<{ repositoryId: string; runIds: string[] }> {
  const path = join(context.dataDirectory, 'demo', 'greeter')
  if (!(await exists(join(path, '.git', 'HEAD')))) await makeRepository(context, path)
  const { repositoryId } = await addRepository(context, caller, { path, demo: true })
  const runIds: string[] = []
  for (const script of demoScripts) {
    const created = await createRuns(context, caller, {
      repositoryId,
      agent: 'demo',
      mode: 'interactive',
      options: {},
      prompt: script.prompt,
      title: script.title,
      copies: 1,
      setup: 'skip',
      install: false,
    })
    runIds.push(...created.runIds)
  }
  return { repositoryId, runIds }
}

async function makeRepository(context: Context, path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  for (const [name, content] of Object.entries(demoFiles)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), content)
  }
  const run = await context.git(null)
  await git(run, path, ['init', '--quiet', '--initial-branch=main'], { write: true })
  const options = { write: true, checkout: locateCheckout(path) }
  // The scripted agents commit: the scratch repository says who they are, so that no global identity is needed.
  await git(run, path, ['config'], { ...options, operands: ['user.name', 'Coppice demo'] })
  await git(run, path, ['config'], { ...options, operands: ['user.email', 'demo@coppice.invalid'] })
  await git(run, path, ['add', '--all'], options)
  await git(run, path, ['commit', '--quiet', '--no-gpg-sign', '--message=A small greeter to try Coppice on'], options)
}
