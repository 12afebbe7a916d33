// The verbs that answer what a run asks: approvals, allow, deny. An answer carries the hash of the content that this client read,
// so it cannot allow anything else.
import { approvalKindWord, approvalStateWord, approvalWords } from '../../contract/approval-words.ts'
import type { Approval } from '../../model/approval.ts'
import { fail } from '../../model/failure.ts'
import { plainText } from '../../model/text/text.ts'
import { ageText } from '../../model/text/units.ts'
import { type Cli, openWatching } from '../cli.ts'

/** Lists what waits for an answer; with `all` also what was answered. */
export async function approvals(cli: Cli, options: { readonly all?: boolean }): Promise<void> {
  const link = await openWatching(cli)
  const { approvals: listed } = await link.call('approval.list', { all: options.all ?? false })
  const now = Date.now()
  cli.output.result(listed, () =>
    listed.length === 0 ? ['Nothing is waiting for an answer.'] : listed.flatMap((each) => [...lines(each, now), '']),
  )
}

/** Answers one approval, by its id. */
export async function answer(cli: Cli, id: string, decision: 'allow' | 'deny'): Promise<void> {
  const link = await openWatching(cli)
  const { approvals: listed } = await link.call('approval.list', { all: true })
  const approval = listed.find((each) => each.id === id)
  if (!approval) throw fail('not-found', { what: 'approval', id })
  await link.call('approval.decide', { approvalId: id, hash: approval.hash, decision })
  const state = decision === 'allow' ? 'allowed' : 'denied'
  const decided = await link.until(
    () => (link.state.approvals[id]?.state === state ? link.state.approvals[id] : undefined),
    { timeoutMs: 10_000 },
  )
  cli.output.result(decided, () => [
    `${approvalStateWord[decided.state]}: ${approvalWords(decided.request).content[0] ?? ''}`,
    ...(decided.runId === null ? [] : [`Run ${decided.runId} continues.`]),
  ])
}

function lines(approval: Approval, now: number): string[] {
  const { question, content } = approvalWords(approval.request)
  const { id, runId, state, decidedBy } = approval
  const who = decidedBy === null ? '' : ` by ${plainText(decidedBy.user, 100)}`
  const head = `${id}  ${approvalKindWord(approval.request.kind)}${runId === null ? '' : ` of run ${runId}`}, ${ageText(now - approval.requestedAt)} ago: ${approvalStateWord[state].toLowerCase()}${who}`
  const next = state === 'pending' ? [`  coppice allow ${id}   or   coppice deny ${id}`] : []
  return [head, `  ${question}`, ...content.map((line) => `    ${line}`), ...next]
}
