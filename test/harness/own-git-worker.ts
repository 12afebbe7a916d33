// The thread in which simple-git runs for own-git.ts: it takes one command at a time and answers with what git said.
import { type MessagePort, workerData } from 'node:worker_threads'
import { type SimpleGitOptions, simpleGit } from 'simple-git'
import type { GitAnswer, GitQuestion } from './own-git.ts'

const { port, answered } = workerData as { port: MessagePort; answered: Int32Array }

/**
 * Every repository here was made by the test that asks, often with the very settings that simple-git warns of, to see that the
 * product is not taken in by them. Nothing of this is allowed where a person's repository could be meant.
 */
const everything: SimpleGitOptions['unsafe'] = {
  allowAbbreviatedOptions: true,
  allowUnsafeAlias: true,
  allowUnsafeAskPass: true,
  allowUnsafeCommandBinaries: true,
  allowUnsafeConfigEnvCount: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeDiffExternal: true,
  allowUnsafeDiffTextConv: true,
  allowUnsafeEditor: true,
  allowUnsafeExec: true,
  allowUnsafeFilter: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeGitProxy: true,
  allowUnsafeGpgProgram: true,
  allowUnsafeHooksPath: true,
  allowUnsafeInclude: true,
  allowUnsafeMergeDriver: true,
  allowUnsafePack: true,
  allowUnsafePager: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeSshCommand: true,
  allowUnsafeSubmodule: true,
  allowUnsafeTemplateDir: true,
  allowUnsafeUrlRewrite: true,
}

port.on('message', async (question: GitQuestion) => {
  port.postMessage(await answer(question))
  Atomics.store(answered, 0, 1)
  Atomics.notify(answered, 0)
})

async function answer({ directory, args, environment, input }: GitQuestion): Promise<GitAnswer> {
  let result: GitAnswer = { code: null, stdout: '', stderr: '' }
  try {
    await simpleGit({
      baseDir: directory,
      unsafe: everything,
      allowEnvironment: Object.keys(environment),
      // Also where there is none: git, and what it starts, then sees the end of its input.
      input: () => Buffer.from(input ?? ''),
      errors(_, { exitCode, stdOut, stdErr }) {
        const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8')
        result = { code: exitCode, stdout: text(stdOut), stderr: text(stdErr) }
        return undefined
      },
    })
      .env(environment)
      // simple-git 4.0.2 waits another 50 ms for a command that printed nothing; an empty piece is something.
      .outputHandler((_, stdout) => queueMicrotask(() => stdout.emit('data', Buffer.alloc(0))))
      .raw([...args])
    return result
  } catch (error) {
    return { ...result, code: null, stderr: `${result.stderr}${error instanceof Error ? error.message : error}` }
  }
}
