// What a gesture starts: a command, and what the person is told about it. The tiles show success; only what no tile shows (an Undo,
// a refusal) becomes a message.
import type { RemovalPreview } from '../../app/contract/commands/cleanup.ts'
import type { CommandInput, CommandName, CommandOutput } from '../../app/contract/commands/index.ts'
import { freedSentence, lackingSentence, reportSentences } from '../../app/contract/sentences.ts'
import type { Approval } from '../../app/model/approval.ts'
import { CoppiceFailure } from '../../app/model/failure.ts'
import type { Run } from '../../app/model/run.ts'
import { bytesText, dateText } from '../../app/model/text/units.ts'
import { call, useReplica } from '../client/replica.ts'
import { firstAsked } from '../client/selectors.ts'
import { say, sayFailure, toasts } from '../parts/toasts.ts'
import { line } from '../parts/words.ts'
import { wishKeys } from '../terminal/terminals.ts'
import { focusRun, givePlaceBack, keepPlace, openDialog, showSide, useUi } from '../window/ui.ts'

/** How long an Undo stands on the screen, in milliseconds; the trash keeps the run for days. */
const undoMs = 12_000

/** Runs a command and says why if it is refused. Gives null then. */
export async function attempt<N extends CommandName>(
  title: string,
  name: N,
  input: CommandInput<N>,
): Promise<CommandOutput<N> | null> {
  try {
    return await call(name, input)
  } catch (error) {
    sayFailure(title, error)
    return null
  }
}

const runNamed = (runId: string): Run | undefined => useReplica.getState().state.runs[runId]
const titleOf = (runId: string): string => line(runNamed(runId)?.title ?? runId, 60)

export const stop = (runId: string): void => void attempt(`${titleOf(runId)} not stopped`, 'run.stop', { runId })
export const cancel = (runId: string): void => void attempt(`${titleOf(runId)} not cancelled`, 'run.cancel', { runId })
export const startNow = (runId: string): void =>
  void attempt(`${titleOf(runId)} not started`, 'run.start-now', { runId })
/** Answers what is shown: the hash goes along, and an answer to anything else is refused. */
export async function answerApproval({ id, hash, runId }: Approval, decision: 'allow' | 'deny'): Promise<void> {
  const title = runId === null ? 'The question' : titleOf(runId)
  await attempt(`${title} not answered`, 'approval.decide', { approvalId: id, hash, decision })
}
/** Answers the first question of a run, which is the one that its tile shows. */
export function answerFirst(runId: string, decision: 'allow' | 'deny'): void {
  const run = runNamed(runId)
  const approval = run && firstAsked(useReplica.getState().state, run)
  if (approval) void answerApproval(approval, decision)
}
export const markReviewed = (runId: string, reviewed: boolean): void =>
  void attempt(`${titleOf(runId)} not marked`, 'run.mark-reviewed', { runId, reviewed })
export const measure = (runId: string): void => void attempt(`${titleOf(runId)} not measured`, 'run.measure', { runId })

export async function resume(runId: string, prompt?: string): Promise<boolean> {
  const done = await attempt(`${titleOf(runId)} not resumed`, 'run.resume', { runId, ...(prompt ? { prompt } : {}) })
  return done !== null
}

const looking = new Set<string>()

/** Looks at what a removal would take away; goes at once where nothing exists only here, else asks. */
export async function remove(runId: string): Promise<void> {
  if (looking.has(runId)) return
  looking.add(runId)
  try {
    const preview = await call('run.preview-removal', { runId })
    if (preview.safe && !preview.unknown) await removeNow(preview, false)
    else openDialog({ kind: 'remove', runId, preview })
  } catch (error) {
    sayFailure(`${titleOf(runId)} not removed`, error)
  } finally {
    looking.delete(runId)
  }
}

/** Removes by the consent of a preview. Where the facts have changed meanwhile, asks again with the new ones. */
export async function removeNow(preview: RemovalPreview, force: boolean): Promise<void> {
  const { runId, consent } = preview
  const title = titleOf(runId)
  keepPlace(runId)
  try {
    const { report, ...freed } = await call('run.remove', { runId, consent, force })
    if (useReplica.getState().state.runs[runId]?.inPlace) {
      givePlaceBack(runId)
      say({ title: `${title} removed from the list.`, text: 'It worked in place: its folder is as it was.' })
      return
    }
    removed.push(runId)
    say({
      id: `removed-${runId}`,
      title: `${title} removed.`,
      text: line(['In the trash.', freedSentence(freed), ...reportSentences(report)].join(' '), 600),
      ms: undoMs,
      action: { label: 'Undo', key: 'z', run: () => void restore(runId) },
      onClose: () => givePlaceBack(runId),
    })
  } catch (error) {
    givePlaceBack(runId)
    if (error instanceof CoppiceFailure && error.failure.code === 'consent-stale') {
      const again = await attempt(`${title} not removed`, 'run.preview-removal', { runId })
      if (again) openDialog({ kind: 'remove', runId, preview: again })
      return
    }
    sayFailure(`${title} not removed`, error)
  }
}

/** Runs removed in this window, the newest last: what `z` takes back. */
const removed: string[] = []
export const lastRemoved = (): string | null =>
  removed.findLast((id) => useReplica.getState().state.runs[id]?.phase === 'removed') ?? null

export async function restore(runId: string): Promise<void> {
  const title = titleOf(runId)
  keepPlace(runId)
  const answer = await attempt(`${title} not restored`, 'run.restore', { runId })
  if (!answer) return
  toasts.close(`removed-${runId}`)
  givePlaceBack(runId)
  const told = [lackingSentence(answer.report), ...reportSentences(answer.report)].filter((sentence) => sentence !== '')
  // What came back otherwise than it was needs time to be read.
  if (told.length > 0) say({ title: `${title} is back.`, text: line(told.join(' '), 600), ms: 20_000 })
  else say({ title: `${title} is back.`, ms: 6000 })
  const { view } = useUi.getState()
  if (view === 'grid') focusRun(runId)
}

/** Starts a removed run's days in the trash again. */
export async function keepInTrash(runId: string): Promise<void> {
  const title = titleOf(runId)
  const answer = await attempt(`${title} not kept`, 'run.keep', { runId })
  if (answer) say({ title: `${title} stays in the trash until ${dateText(answer.purgeAt)}.`, ms: 6000 })
}

/** Frees a run's place in the trash for good. Gives the failure that asks for consent to the caller, says every other. */
export async function purge(runId: string, consent?: string): Promise<'done' | 'asked' | 'failed'> {
  const title = titleOf(runId)
  try {
    const { freedBytes } = await call('run.purge', { runId, ...(consent ? { consent } : {}) })
    say({ title: `${title} was deleted permanently.`, text: `${bytesText(freedBytes)} freed now.` })
    return 'done'
  } catch (error) {
    const failure = error instanceof CoppiceFailure ? error.failure : null
    const next = failure?.detail?.consent
    if ((failure?.code === 'consent-needed' || failure?.code === 'consent-stale') && typeof next === 'string') {
      openDialog({ kind: 'purge', runId, consent: next, failure })
      return 'asked'
    }
    sayFailure(`${title} not deleted`, error)
    return 'failed'
  }
}

/** Adds a repository. `agree` where a person chose it here and now: its remotes are then right as they are. */
export async function addRepository(path: string, options: { readonly agree: boolean }): Promise<string | null> {
  const answer = await attempt('Repository not added', 'repository.add', { path, ...options })
  return answer?.repositoryId ?? null
}

export async function startDemo(): Promise<void> {
  const answer = await attempt('The demo did not start', 'demo.start', {})
  const first = answer?.runIds[0]
  if (first) focusRun(first)
}

export async function copyText(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    say({ title: `${what} copied.`, ms: 2500 })
  } catch {
    say({ title: `${what} not copied`, text: 'The browser does not allow it here.', level: 'warning' })
  }
}

/** Opens a session beside a run's agent, and shows it with the keys in it. */
export async function openSide(runId: string, input: Omit<CommandInput<'session.open'>, 'runId'>): Promise<boolean> {
  const answer = await attempt('Session not opened', 'session.open', { runId, ...input })
  if (!answer) return false
  showSide(runId, answer.number)
  focusRun(runId)
  wishKeys(runId)
  return true
}

export async function closeSide(runId: string, number: number): Promise<void> {
  if (await attempt('Session not closed', 'session.close', { runId, number })) showSide(runId, null)
}
