// The verbs about runs: run, list, show, send, stop, resume, demo; and add and trust. Each asks the host, then prints
// what the replica knows. A run prints as RunView; what it waits for comes from events, never from a reply.
import { resolve } from 'node:path'
import { approvalKindWord, approvalWords } from '../../contract/approval-words.ts'
import { fail } from '../../model/failure.ts'
import { AgentName, type AgentOptions, isKept, maxPromptBytes, type Run } from '../../model/run.ts'
import { plainText } from '../../model/text/text.ts'
import { type Cli, leavable, openWatching, readStdin, runOf } from '../cli.ts'
import type { Link } from '../link.ts'
import { listColumns, listRow, type RunFacts, runPage } from '../run-text.ts'
import { table } from '../table.ts'
import { type Baseline, baselineOf, progressOf, type WaitTarget, waitError } from '../wait.ts'

export interface WaitOptions {
  readonly wait?: WaitTarget
  /** Seconds. */
  readonly timeout?: number
}

export interface RunOptions extends WaitOptions {
  readonly repo?: string
  readonly inPlace?: string
  readonly agent?: string
  readonly command?: string
  readonly prompt?: string
  readonly headless?: boolean
  readonly base?: string
  readonly from?: string
  readonly branch?: string
  readonly id?: string
  readonly title?: string
  readonly copies?: number
  readonly setup?: 'run' | 'skip'
  /** True agrees to the install that the base holds, false does without; otherwise the run asks where nobody has agreed. */
  readonly install?: boolean
  readonly model?: string
  readonly permissionMode?: string
  readonly allowedTools?: readonly string[]
  readonly maxTurns?: number
  readonly maxBudgetUsd?: number
  /** Extra arguments of the agent's, each as it is. */
  readonly agentArg?: readonly string[]
}

/** Makes one run or several, and says which; with `wait`, once they are there. */
export async function run(cli: Cli, options: RunOptions): Promise<void> {
  const agent =
    options.command === undefined
      ? AgentName.safeParse(options.agent)
      : { success: true as const, data: 'command' as const }
  if (!agent.success) {
    throw fail('agent-not-found', {
      agent: `"${options.agent}"`,
      message: `Coppice knows ${AgentName.options.filter((name) => name !== 'demo').join(', ')}`,
      install: '',
    })
  }
  const prompt = await promptOf(options.prompt)
  const link = await openWatching(cli)
  const where =
    options.inPlace === undefined
      ? await link.call('repository.add', { path: resolve(cli.cwd, options.repo ?? '.') })
      : { inPlace: resolve(cli.cwd, options.inPlace) }
  const agreed = 'repositoryId' in where ? await agreedContent(cli, link, where.repositoryId, options) : {}
  const { runIds } = await link.call('run.create', {
    ...where,
    agent: agent.data,
    ...agreed,
    ...given({
      commandLine: options.command,
      prompt,
      title: options.title,
      id: options.id,
      base: options.base,
      fromBranch: options.from,
      branch: options.branch,
      copies: options.copies,
      setup: options.setup,
    }),
    mode: options.headless ? 'headless' : 'interactive',
    install: options.install ?? true,
    options: optionsOf(options),
  })
  await waitFor(link, runIds, options)
  const several = (options.copies ?? 1) > 1
  const views = runIds.map((id) => link.view(runOf(link, id)))
  cli.output.result(several ? views : views[0], () =>
    runIds.flatMap((id) => [...pageOf(link, id), ...(several ? [''] : [])]),
  )
}

/**
 * `--setup run` and `--install` agree to what the base holds now: it is printed, and its hash goes along. The run asks where it meets
 * anything else.
 */
async function agreedContent(
  cli: Cli,
  link: Link,
  repositoryId: string,
  { setup, install, base, from }: RunOptions,
): Promise<{ setupHash?: string; installHash?: string }> {
  if (setup !== 'run' && !install) return {}
  const { asked } = await link.call('approval.preview', { repositoryId, ...given({ base, fromBranch: from }) })
  const agreed: { setupHash?: string; installHash?: string } = {}
  for (const { request, hash } of asked) {
    if (request.kind === 'setup' ? setup !== 'run' : !install) continue
    agreed[request.kind === 'setup' ? 'setupHash' : 'installHash'] = hash
    for (const text of approvalWords(request).content) cli.output.remark(`${approvalKindWord(request.kind)}: ${text}`)
  }
  return agreed
}

export async function add(cli: Cli, path: string): Promise<void> {
  const link = await openWatching(cli)
  const { repositoryId } = await link.call('repository.add', { path: resolve(cli.cwd, path), agree: true })
  const { path: at, remotes } = await link.until(() => link.state.repositories[repositoryId], { timeoutMs: 10_000 })
  cli.output.result({ id: repositoryId, path: at, remotes }, () => [
    `Added ${plainText(at, 4096)}.`,
    ...remotes.map(({ name, url }) => `  ${plainText(name, 200)} leads to ${plainText(url, 2000)}`),
  ])
}

/** Trusts a repository, adding it where it is new. Its remotes are not agreed to by this. */
export async function trust(cli: Cli, path: string, options: { readonly off?: boolean }): Promise<void> {
  const link = await openWatching(cli)
  const { repositoryId } = await link.call('repository.add', { path: resolve(cli.cwd, path) })
  const trusted = !options.off
  await link.call('repository.trust', { repositoryId, trusted })
  const { path: at } = await link.until(() => link.state.repositories[repositoryId], { timeoutMs: 10_000 })
  cli.output.result({ id: repositoryId, path: at, trusted }, () => [
    trusted
      ? `${plainText(at, 4096)} is trusted: its own filters run.`
      : `${plainText(at, 4096)} is not trusted any more.`,
  ])
}

export async function list(cli: Cli, options: { readonly all?: boolean }): Promise<void> {
  const link = await openWatching(cli)
  const runs = Object.values(link.state.runs)
    .filter((each) => options.all || isKept(each.phase))
    .sort((a, b) => a.createdAt - b.createdAt)
  const now = Date.now()
  cli.output.result(
    runs.map((each) => link.view(each)),
    () =>
      runs.length === 0
        ? ['No runs. Start one with "coppice run --repo PATH --agent NAME".']
        : table(
            listColumns,
            runs.map((each) => listRow(factsOf(link, each), now)),
            { width: cli.output.width, header: cli.output.faint },
          ),
  )
}

export async function show(cli: Cli, id: string): Promise<void> {
  const link = await openWatching(cli)
  runOf(link, id)
  await measured(link, id)
  print(cli, link, id)
}

export async function send(
  cli: Cli,
  id: string,
  text: string,
  options: { readonly enter: boolean; readonly session?: number },
): Promise<void> {
  const typed = text === '-' ? await readStdin(maxPromptBytes) : text
  const link = await openWatching(cli)
  await link.call('run.send', {
    runId: id,
    text: typed,
    enter: options.enter,
    ...given({ side: options.session }),
  })
  cli.output.result(link.view(runOf(link, id)), () => [`Sent to ${id}.`])
}

export async function stop(cli: Cli, id: string, options: { readonly timeout?: number }): Promise<void> {
  const link = await openWatching(cli)
  await link.call('run.stop', { runId: id })
  await waitFor(link, [id], { wait: 'settled', timeout: options.timeout ?? 60 })
  print(cli, link, id)
}

export async function resume(cli: Cli, id: string, options: WaitOptions & { readonly prompt?: string }): Promise<void> {
  const prompt = await promptOf(options.prompt)
  const link = await openWatching(cli)
  const since = baselineOf(runOf(link, id))
  await link.call('run.resume', { runId: id, ...given({ prompt }) })
  await waitFor(link, [id], options, since)
  print(cli, link, id)
}

export async function demo(cli: Cli, options: WaitOptions): Promise<void> {
  const link = await openWatching(cli)
  const { runIds } = await link.call('demo.start', {})
  await waitFor(link, runIds, options)
  cli.output.result(
    runIds.map((id) => link.view(runOf(link, id))),
    () => [
      ...runIds.flatMap((id) => [...pageOf(link, id), '']),
      'Watch them in the window, or with "coppice list" and "coppice attach ID".',
    ],
  )
}

/**
 * Waits until each of the runs is known, and has got as far as `options.wait` asks. Throws what the first that settled otherwise
 * says, or `timeout`; Ctrl-C leaves them running.
 */
export async function waitFor(
  link: Link,
  runIds: readonly string[],
  options: WaitOptions,
  since?: Baseline,
): Promise<void> {
  await link.until(() => (runIds.every((id) => link.run(id)) ? true : undefined), {
    timeoutMs: 15_000,
    what: 'The new run',
  })
  const { wait } = options
  if (wait === undefined) return
  const one = (id: string) =>
    link.until(
      () => {
        const known = runOf(link, id)
        const progress = progressOf(known, wait, since)
        if (progress === 'cannot') throw waitError(known, wait)
        return progress
      },
      options.timeout === undefined
        ? {}
        : { timeoutMs: options.timeout * 1000, what: `Waiting for ${id} to be ${wait}` },
    )
  const names = runIds.length === 1 ? `Run ${runIds[0]} keeps running` : 'The runs keep running'
  await leavable(Promise.all(runIds.map(one)), `${names}. See "coppice list".`)
  if (wait === 'settled') await Promise.all(runIds.map((id) => measured(link, id)))
}

/** Has the host look at the run's worktree now, so that what is printed is not older than the question; at most three seconds. */
async function measured(link: Link, id: string): Promise<void> {
  const asked = Date.now()
  const known = link.run(id)
  if (known?.worktreePresence !== 'present') return
  const look = link.call('run.measure', { runId: id }).then(() =>
    link.until(
      () => {
        const live = link.live(id)
        return (live?.dirty?.observedAt ?? 0) >= asked && (live?.sizeBytes?.observedAt ?? 0) >= asked ? true : undefined
      },
      { timeoutMs: 500 },
    ),
  )
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, 3_000)
  // A look that failed leaves what was known before, with its own age.
  await Promise.race([look.catch(() => {}), late.promise])
  clearTimeout(timer)
}

function print(cli: Cli, link: Link, id: string): void {
  cli.output.result(link.view(runOf(link, id)), () => pageOf(link, id))
}

const pageOf = (link: Link, id: string): string[] => runPage(factsOf(link, runOf(link, id)), Date.now())
const factsOf = (link: Link, each: Run): RunFacts => ({
  run: each,
  live: link.live(each.id),
  view: link.view(each),
  asks: (each.waitsFor ?? []).flatMap(({ approvalId }) => link.state.approvals[approvalId] ?? []),
})

async function promptOf(prompt: string | undefined): Promise<string | undefined> {
  return prompt === '-' ? await readStdin(maxPromptBytes) : prompt
}

function optionsOf(options: RunOptions): AgentOptions {
  const { model, permissionMode, allowedTools, maxTurns, maxBudgetUsd, agentArg } = options
  return given({
    ...{ model, permissionMode, maxTurns, maxBudgetUsd },
    allowedTools: allowedTools && [...allowedTools],
    extraArguments: agentArg && [...agentArg],
  })
}

/** The entries that are there: an absent option is not sent at all. */
function given<T extends Record<string, unknown>>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
