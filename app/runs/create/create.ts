// Accepts new runs. Everything that can be refused is refused here, before anything is created. What passes is queued durably, with
// its id and branch reserved; runs/queue starts it when a slot is free, and runs/create/prepare builds its worktree.
import { adapterOf } from '../../agents/adapters.ts'
import { findAgent, missingText } from '../../agents/detect.ts'
import { refuseExtra } from '../../agents/hand-over.ts'
import { type GitContext, gitVersion } from '../../git/exec.ts'
import { fullRevision, hidesAnother } from '../../git/refs/names.ts'
import { branchState, isValidBranchName, resolveCommit, uniqueBranch } from '../../git/refs/refs.ts'
import { fetchRef } from '../../git/remote/fetch.ts'
import type { InspectedRepository } from '../../git/repository.ts'
import type { Asked } from '../../model/approval.ts'
import type { Event } from '../../model/event.ts'
import { fail } from '../../model/failure.ts'
import { RunId } from '../../model/ids.ts'
import type { Repository } from '../../model/repository.ts'
import { type AgentName, type AgentOptions, isKept, type Mode, type Run } from '../../model/run.ts'
import { requestEvents } from '../approval/ask.ts'
import { askedAt, startOf } from '../approval/preview.ts'
import { type Caller, type Context, recordAll, repositoryOf } from '../context.ts'
import { copyId, fillTemplate, freeId, isHeldOnDisk, reservedBranches, wantedId } from '../names.ts'
import { promptHead, writeFirstPrompts } from '../prompt-file.ts'
import { rememberPrompt } from '../recent-prompts.ts'
import { inspectPresent, remoteBranchOf } from '../repositories.ts'

export interface CreateRequest {
  readonly repositoryId: string
  readonly agent: AgentName
  readonly commandLine?: string | undefined
  readonly mode: Mode
  readonly options: AgentOptions
  readonly prompt?: string | undefined
  readonly title?: string | undefined
  readonly id?: string | undefined
  readonly base?: string | undefined
  readonly fromBranch?: string | undefined
  readonly branch?: string | undefined
  readonly copies: number
  readonly setup: 'run' | 'skip' | 'ask'
  /** With "run": the hash of the set-up that was shown. Where the base holds another one, the run asks. */
  readonly setupHash?: string | undefined
  readonly install: boolean
  /** The hash of the install that was shown and agreed to. */
  readonly installHash?: string | undefined
}

/**
 * Queues `copies` runs and gives their ids. Refusals change nothing: `not-found`, `repository-unavailable`, `bad-input`,
 * `prompt-too-long`, `agent-not-found`, `base-not-found`, `branch-*`, `id-taken`, `setup-failed`. A run that meets content which nobody has
 * approved is queued with its question.
 */
export async function createRuns(
  context: Context,
  caller: Caller,
  request: CreateRequest,
): Promise<{ runIds: string[] }> {
  const repository = repositoryOf(context, request.repositoryId)
  const prompt = request.prompt === undefined || request.prompt === '' ? null : promptHead(request.prompt)
  if (request.base !== undefined && request.fromBranch !== undefined) {
    throw fail('bad-input', {
      field: 'base',
      message: 'a run starts from a base or works on an existing branch, not both',
    })
  }
  if (request.fromBranch !== undefined && (request.branch !== undefined || request.copies > 1)) {
    throw fail('bad-input', {
      field: 'fromBranch',
      message: 'an existing branch can be checked out once, under its own name',
    })
  }
  await checkAgent(context, request)
  const git = await context.git(repository)
  // A git that was changed since the repository was added: one process, and a clear word instead of an odd failure later.
  await gitVersion(git)
  const found = await inspectPresent(context, repository)
  const base = await checkStart(git, repository, found, request)
  const asked = (
    await askedAt(git, repository, base, { setup: request.setup !== 'skip', install: request.install })
  ).filter((one) => !one.approved)

  const wanted = wantedId(request)
  if (request.id !== undefined) {
    const parsed = RunId.safeParse(request.id)
    if (!parsed.success)
      throw fail('bad-input', { field: 'id', message: parsed.error.issues[0]?.message ?? 'not an id' })
  }
  const explicit = request.branch ?? null
  if (explicit !== null)
    await checkBranch(context, git, repository, explicit, { copies: request.copies, remotes: found.remotes })

  // No await from here to the append: of two creates with one id or branch, the first wins and the second is told.
  const ids = pickIds(context, wanted, request)
  const reserved = reservedBranches(context, repository.id)
  const runs = ids.map((id, index) => {
    const branch =
      request.fromBranch !== undefined
        ? request.fromBranch.replace(/^refs\/heads\//, '')
        : explicit !== null
          ? request.copies > 1
            ? `${explicit}-${index + 1}`
            : explicit
          : fillTemplate(context.journal.state.settings.branchTemplate, id)
    if ((explicit !== null || request.fromBranch !== undefined) && reserved.has(branch)) {
      throw fail('branch-exists', { branch, message: 'another run has it' })
    }
    return newRun(context, repository.id, request, { id, branch, prompt, copy: request.copies > 1 ? index + 1 : null })
  })
  // The prompts are on disk before the runs are known: a host that is killed in between leaves no run without its task.
  const takeBack = request.prompt ? writeFirstPrompts(context.dataDirectory, ids, request.prompt) : () => {}
  try {
    const queued = runs.map((run) => ({ type: 'run-queued' as const, run }))
    recordAll(context, caller, [...queued, ...questions(context, caller, runs, asked, request)])
  } catch (error) {
    takeBack()
    throw error
  }
  rememberPrompt(context, request)
  context.pump()
  return { runIds: ids }
}

/** Refuses what its agent cannot be asked for. */
export async function checkAgent(context: Context, request: Omit<CreateRequest, 'repositoryId'>): Promise<void> {
  const adapter = adapterOf(request.agent)
  if (request.agent === 'command' && !request.commandLine?.trim())
    throw fail('bad-input', { field: 'commandLine', message: 'say which command to run' })
  if (request.agent !== 'command' && request.commandLine !== undefined) {
    throw fail('bad-input', {
      field: 'commandLine',
      message: `${adapter.label} takes no command line; use the agent "command"`,
    })
  }
  if (request.commandLine?.includes('\0'))
    throw fail('bad-input', { field: 'commandLine', message: 'must not contain a NUL character' })
  if (!adapter.modes.includes(request.mode))
    throw fail('bad-input', { field: 'mode', message: `${adapter.label} does not run ${request.mode}` })
  for (const name of Object.keys(request.options) as (keyof AgentOptions)[]) {
    if (request.options[name] !== undefined && !adapter.options.includes(name)) {
      throw fail('bad-input', { field: name, message: `${adapter.label} has no such option` })
    }
  }
  refuseExtra(adapter, request.options)
  if (request.mode === 'headless' && adapter.name !== 'command' && adapter.name !== 'demo' && !request.prompt?.trim()) {
    throw fail('bad-input', { field: 'prompt', message: 'a headless run needs a prompt' })
  }
  // Only whether it is there: to ask every agent for its version could take seconds, and one that fails says best itself why.
  if ((await findAgent(adapter, await context.environment())) === null)
    throw fail('agent-not-found', { agent: adapter.label, message: missingText(adapter), install: adapter.install })
}

/** Checks where the run starts and gives the ref or commit of it, fetching a remote branch that is not here yet. */
async function checkStart(
  git: GitContext,
  repository: Repository,
  found: InspectedRepository,
  request: CreateRequest,
): Promise<string> {
  if (request.fromBranch !== undefined) {
    const name = request.fromBranch.replace(/^refs\/heads\//, '')
    const state = await branchState(git, repository.path, name)
    if (!state) throw fail('base-not-found', { base: name, message: 'there is no such local branch' })
    if (state.checkedOutAt) throw fail('branch-checked-out', { branch: name, path: state.checkedOutAt })
    return `refs/heads/${name}`
  }
  const base = await fullRevision(git, repository.path, startOf(found, request))
  try {
    await resolveCommit(git, repository.path, base)
  } catch (error) {
    const remote = remoteBranchOf(base, found.remotes)
    if (!remote) throw error
    const fetched = await fetchRef(git, repository.path, { ...remote, timeoutMs: 20_000 })
    if (!fetched.fetched)
      throw fail('base-not-found', { base, message: fetched.reason ?? 'the remote has no such branch' })
    await resolveCommit(git, repository.path, base)
    return fullRevision(git, repository.path, base)
  }
  return base
}

/**
 * What the new runs ask about. Where the request carries the hash of what the base holds, its sender was shown that and agreed to it:
 * the first run's question is answered with it, and the others need none.
 */
function questions(
  context: Context,
  caller: Caller,
  runs: readonly Run[],
  asked: readonly Asked[],
  request: CreateRequest,
) {
  const [first] = runs
  const events: Event[] = []
  for (const one of asked) {
    const shown = one.request.kind === 'install' ? request.installHash : request.setup === 'run' && request.setupHash
    const agreed = shown === one.hash
    if (!agreed) events.push(...runs.flatMap((run) => requestEvents(context, run, [one])))
    else if (first) {
      const { user, via } = caller.actor
      for (const event of requestEvents(context, first, [one])) {
        const { id: approvalId, hash, runId } = event.approval
        events.push(event, {
          type: 'approval-decided',
          runId,
          approvalId,
          hash,
          decision: 'allowed',
          by: { user, via },
        })
      }
    }
  }
  return events
}

async function checkBranch(
  context: Context,
  git: GitContext,
  repository: Repository,
  branch: string,
  { copies, remotes }: { readonly copies: number; readonly remotes: readonly { readonly name: string }[] },
): Promise<void> {
  for (let n = 1; n <= copies; n++) {
    const name = copies > 1 ? `${branch}-${n}` : branch
    const problem = await isValidBranchName(git, name)
    if (problem) throw fail('branch-name-invalid', { branch: name, message: problem })
    const hides = await hidesAnother(git, repository.path, name, remotes)
    if (hides) throw fail('branch-name-invalid', { branch: name, message: hides })
    const free = await uniqueBranch(git, repository.path, name, reservedBranches(context, repository.id))
    if (free !== name) throw fail('branch-exists', { branch: name, suggestion: free })
  }
}

/** The ids of the new runs: the one that was asked for, or the next free ones. */
export function pickIds(context: Context, wanted: string, request: Pick<CreateRequest, 'id' | 'copies'>): string[] {
  const { runs } = context.journal.state
  if (request.copies === 1) {
    if (request.id === undefined) return [freeId(context, wanted)]
    const wantedId = request.id.toLowerCase()
    const taken = Object.keys(runs).some((id) => id.toLowerCase() === wantedId) || isHeldOnDisk(context, request.id)
    if (taken) throw fail('id-taken', { id: request.id, suggestion: freeId(context, request.id) })
    return [request.id]
  }
  const picked = new Set<string>()
  for (let n = 1; n <= request.copies; n++) picked.add(freeId(context, copyId(wanted, n), picked))
  return [...picked]
}

/** A run as it is queued: everything that was asked for, and nothing made yet. */
export function newRun(
  context: Context,
  repositoryId: string | null,
  request: Omit<CreateRequest, 'repositoryId'>,
  own: { id: string; branch: string | null; prompt: Run['prompt']; copy: number | null },
): Run {
  const firstLine = request.prompt
    ?.split('\n')
    .find((line) => line.trim())
    ?.trim()
  const title =
    request.title?.trim() || request.id || firstLine || request.commandLine || adapterOf(request.agent).label
  const shortened = title.length > 120 ? `${title.slice(0, 119)}…` : title
  const given = Boolean(request.title?.trim() || request.id)
  return {
    id: own.id,
    title:
      own.copy !== null
        ? `${shortened} · ${own.copy} of ${request.copies}`
        : given
          ? shortened
          : untaken(context, repositoryId, shortened),
    repositoryId,
    agent: request.agent,
    commandLine: request.commandLine ?? null,
    mode: request.mode,
    options: request.options,
    prompt: own.prompt,
    baseRef: request.base ?? null,
    fromBranch: request.fromBranch ?? null,
    wantedBranch: own.branch,
    ...(request.branch === undefined ? {} : { branchTyped: true }),
    setup: request.setup,
    install: request.install,
    phase: 'queued',
    during: null,
    resolvedBase: null,
    baseCommit: null,
    baseFetchedAt: null,
    branch: null,
    branchIsOurs: request.fromBranch === undefined,
    worktree: null,
    worktreePresence: 'none',
    stages: [],
    attempts: [],
    agentSession: null,
    failure: null,
    exit: null,
    outcome: null,
    delivery: { state: 'local' },
    trash: null,
    intent: null,
    reviewed: false,
    createdAt: context.now(),
    settledAt: null,
  }
}

/** The title, with a number where a run that is still listed has it: the same prompt sent again must not look like the first. */
function untaken(context: Context, repositoryId: string | null, title: string): string {
  const taken = new Set(
    Object.values(context.journal.state.runs)
      .filter((run) => run.repositoryId === repositoryId && isKept(run.phase))
      .map((run) => run.title),
  )
  let free = title
  for (let n = 2; taken.has(free); n++) free = `${title} · ${n}`
  return free
}
