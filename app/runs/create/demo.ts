// The demo: a scratch repository in the data directory with four scripted agents (one edits and commits, one asks, one floods the
// terminal, one fails). It shows the whole life of a run without an agent installed and without a network.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type SimpleGit, simpleGit } from 'simple-git'
import { demoFiles, demoScripts } from '../../agents/demo.ts'
import { exists } from '../../disk/presence.ts'
import { failureFromStderr } from '../../git/stderr.ts'
import type { Caller, Context } from '../context.ts'
import { addRepository } from '../repositories.ts'
import { createRuns } from './create.ts'

/** A git that has said nothing for so long hangs: a slow disk needs a second for five files. */
const hangsAfterMs = 60_000

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
  const git = await ownGit(context, path)
  try {
    await git.init(['--quiet', '--initial-branch=main'])
    // The scripted agents commit: the scratch repository says who they are, so that no global identity is needed.
    await git.addConfig('user.name', 'Coppice demo')
    await git.addConfig('user.email', 'demo@coppice.invalid')
    await git.add(['--all'])
    await git.commit('A small greeter to try Coppice on', { '--quiet': null })
  } catch (error) {
    throw failureFromStderr(error instanceof Error ? error.message : String(error), 'init', 'no exit code')
  }
}

/**
 * git in a directory in which everything is ours. Its HOME is the demo's own, so that nothing of the person's configuration holds:
 * no template with hooks in it, no signing, no other name for the first branch.
 */
async function ownGit(context: Context, directory: string): Promise<SimpleGit> {
  const { file, environment } = await context.git(null)
  const home = join(context.dataDirectory, 'demo')
  return simpleGit({
    baseDir: directory,
    binary: file,
    timeout: { block: hangsAfterMs },
    allowEnvironment: ['GIT_CONFIG_NOSYSTEM'],
    // The path of git that the host has found and checked, which may hold a space.
    unsafe: { allowUnsafeCustomBinary: true },
  }).env({ PATH: environment.PATH ?? '', HOME: home, GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' })
}
