// What a recovery tells a person: its lines, and one sentence that counts them by kind. Only what is new is recorded; what an
// earlier recovery listed already is not repeated.
import type { ReportItem } from '../../model/event.ts'
import { counted } from '../../model/text/units.ts'
import { type Context, record } from '../context.ts'

/** How each kind of line is counted in the sentence: one of it, and several. The order is the sentence's. */
const words = {
  attached: ['agent attached again', 'agents attached again'],
  ended: ['agent had ended meanwhile', 'agents had ended meanwhile'],
  interrupted: ['run interrupted', 'runs interrupted'],
  undone: ['half-made run undone', 'half-made runs undone'],
  stopped: ['stop finished', 'stops finished'],
  worktree: ['worktree back in the list', 'worktrees back in the list'],
  restored: ['worktree out of the trash', 'worktrees out of the trash'],
  removal: ['removal decided', 'removals decided'],
  purge: ['entry of the trash deleted, as requested', 'entries of the trash deleted, as requested'],
  commit: ['commit that had been made', 'commits that had been made'],
  push: ['push that had succeeded', 'pushes that had succeeded'],
  tree: ['half-made worktree removed', 'half-made worktrees removed'],
  branch: ['half-made branch removed', 'half-made branches removed'],
  entry: ['half-made entry of git removed', 'half-made entries of git removed'],
  trash: ['empty entry of the trash removed', 'empty entries of the trash removed'],
  lock: ['lock cleared', 'locks cleared'],
  file: ['file of git rewritten', 'files of git rewritten'],
  git: ['leftover git process ended', 'leftover git processes ended'],
} as const
type Kind = keyof typeof words

/** A line of the report, and what it is counted as. */
export type Line = ReportItem & { readonly kind?: Kind }

/** The lines, each counted as `kind`. */
export const as = (kind: Kind, items: readonly ReportItem[]): Line[] => items.map((item) => ({ ...item, kind }))

/** What was left for a person to decide, or could not be found out. */
export const isOpen = (item: ReportItem): boolean => item.result === 'listed' || item.result === 'refused'

/** "Recovered: 2 worktrees back in the list, 1 half-made branch removed, 1 lock cleared; nothing else was deleted." */
export function summary(report: readonly Line[]): string {
  const done = report.filter((line) => !isOpen(line))
  const count = (test: (line: Line) => boolean, [one, many]: readonly [string, string]) => {
    const n = report.filter(test).length
    return n === 0 ? [] : [counted(n, one, many)]
  }
  const said = [
    ...Object.entries(words).flatMap(([kind, name]) => count((line) => !isOpen(line) && line.kind === kind, name)),
    ...count((line) => !isOpen(line) && line.kind === undefined, ['other thing fixed', 'other things fixed']),
    ...count((line) => line.result === 'listed', ['thing listed and left alone', 'things listed and left alone']),
    ...count((line) => line.result === 'refused', ['thing left undecided', 'things left undecided']),
  ]
  if (said.length === 0) return 'Nothing is left to fix.'
  if (done.some((line) => line.result === 'freed')) return `Recovered: ${said.join(', ')}.`
  const removed = done.some((line) => line.result === 'removed')
  return `Recovered: ${said.join(', ')}; ${removed ? 'nothing else' : 'nothing'} was deleted.`
}

/**
 * Records a report that says something new. One of a `part` (a few runs that were looked at again) keeps what was open before: it
 * has not looked there, and a list that forgot it would call it new the next time.
 */
export function noteRecovery(context: Context, report: readonly Line[], scope: 'all' | 'part' = 'all'): void {
  const key = (item: ReportItem) => JSON.stringify([item.result, item.what, item.reason])
  const before = context.journal.state.recovery?.report ?? []
  const known = new Set(before.map(key))
  if (!report.some((item) => !isOpen(item) || !known.has(key(item)))) return
  const said = new Set(report.map(key))
  const kept = scope === 'part' ? before.filter((item) => isOpen(item) && !said.has(key(item))) : []
  const lines = [...report, ...kept]
  const items = lines.map(({ kind: _, ...item }: Line) => item)
  record(context, context.host, { type: 'recovered', report: items, text: summary(lines) })
}
