// The verbs that remove and restore: rm, restore, trash, keep, purge. What exists only here is named and counted before it is
// removed, and a person confirms only what was shown. What is freed now is reported separately from what is freed later.
import type { RemovalPreview, TrashEntry } from '../../contract/commands/cleanup.ts'
import { factSentence, freedSentence, lackingSentence, sentenceOf } from '../../contract/sentences.ts'
import type { ReportItem } from '../../model/event.ts'
import { plainText } from '../../model/text/text.ts'
import { ageText, bytesText, dateText } from '../../model/text/units.ts'
import { type Cli, openWatching, runOf } from '../cli.ts'
import { CliError, isFailure } from '../errors.ts'
import { table } from '../table.ts'

export interface RemoveOptions {
  /** Goes on although something is unknown. */
  readonly force?: boolean
  /** Agrees to exactly what the preview says. */
  readonly yes?: boolean
  /** Looks, and changes nothing. */
  readonly preview?: boolean
}

/** Moves a run into the trash. Without consent it refuses where something exists only here, naming it. */
export async function remove(cli: Cli, id: string, options: RemoveOptions): Promise<void> {
  const link = await openWatching(cli)
  runOf(link, id)
  const preview = await link.call('run.preview-removal', { runId: id })
  if (options.preview) return cli.output.result(preview, () => previewLines(id, preview))
  for (const fact of shownFacts(preview)) cli.output.remark(fact)
  refuseUnasked(id, preview, options)
  const { report, ...freed } = await link
    .call('run.remove', { runId: id, consent: preview.consent, force: options.force ?? false })
    .catch((error: unknown) => {
      if (!isFailure(error, 'consent-stale') && !isFailure(error, 'consent-needed')) throw error
      // Something was written between the look and the removal.
      const next = `Run "coppice rm ${id}" to see what would be removed now`
      throw new CliError({ code: error.failure.code, message: sentenceOf(error.failure).message, next })
    })
  const removed = await link.until(() => (link.run(id)?.phase === 'removed' ? link.run(id) : undefined), {
    timeoutMs: 10_000,
  })
  cli.output.result({ ...link.view(removed), report, ...freed }, () => [
    ...(removed.inPlace
      ? [`Removed ${id} from the list. It worked in place: its folder was not touched.`]
      : [`Moved ${id} to the trash. "coppice restore ${id}" restores it.`]),
    ...reportLines(report),
    ...(removed.inPlace ? [] : [freedSentence(freed)]),
  ])
}

export async function restore(cli: Cli, id: string): Promise<void> {
  const link = await openWatching(cli)
  const { report, worktree } = await link.call('run.restore', { runId: id })
  const back = await link.until(() => (link.run(id)?.phase === 'removed' ? undefined : link.run(id)), {
    timeoutMs: 10_000,
  })
  const lacking = lackingSentence(report)
  cli.output.result({ ...link.view(back), report }, () => [
    worktree === '' ? `Restored ${id}; it has no worktree.` : `Restored ${id} at ${plainText(worktree, 4096)}.`,
    ...reportLines(report),
    ...(lacking === '' ? [] : [lacking]),
  ])
}

export async function trash(cli: Cli): Promise<void> {
  const link = await cli.open()
  const listed = await link.call('trash.list', {})
  cli.output.result(listed, () => {
    if (listed.entries.length === 0) return ['The trash is empty.']
    const rows = listed.entries.map((entry) => [
      entry.runId,
      plainText(entry.branch ?? '–', 200),
      entry.sizeBytes === null ? '?' : bytesText(entry.sizeBytes),
      entry.commitsOnlyHere === null ? '?' : String(entry.commitsOnlyHere),
      entry.rebuildableAt === null ? '–' : dateText(entry.rebuildableAt),
      freedText(entry),
      plainText(entry.repository ?? 'unknown', 1000),
    ])
    const lines = table(
      [
        { title: 'RUN', shrinkTo: 12 },
        { title: 'BRANCH', shrinkTo: 12, drop: 2 },
        { title: 'SIZE', align: 'right' },
        { title: 'ONLY HERE', align: 'right', drop: 1 },
        { title: 'REBUILDABLE FREED ON', drop: 3 },
        { title: 'REST FREED ON' },
        { title: 'REPOSITORY', shrinkTo: 10, drop: 4 },
      ],
      rows,
      { width: cli.output.width, header: cli.output.faint },
    )
    const due = listed.entries.some((entry) => entry.waitsMs !== null && entry.commitsOnlyHere === 0)
    const kept = 'Runs that are due stay until Coppice has been running that long. Keep one with "coppice keep ID".'
    return [...lines, `${bytesText(listed.sizeBytes)} in all.`, ...(due ? [kept] : [])]
  })
}

/** Starts a removed run's days in the trash again. */
export async function keep(cli: Cli, id: string): Promise<void> {
  const link = await cli.open()
  const { purgeAt } = await link.call('run.keep', { runId: id })
  cli.output.result({ id, purgeAt }, () => [`${id} stays in the trash until ${dateText(purgeAt)}.`])
}

/** When an entry goes, in the words of the list. */
function freedText({ commitsOnlyHere, purgeAt, waitsMs }: TrashEntry): string {
  if (commitsOnlyHere !== 0) return 'only when you delete it'
  return waitsMs === null ? dateText(purgeAt) : `due, stays ${ageText(waitsMs)}`
}

/** Frees a removed run's disk for good. Commits that exist nowhere else go only with `yes`. */
export async function purge(cli: Cli, id: string, options: { readonly yes?: boolean }): Promise<void> {
  const link = await cli.open()
  const freed = await link.call('run.purge', { runId: id }).catch((error: unknown) => {
    if (!isFailure(error, 'consent-needed')) throw error
    const { consent, names } = error.failure.detail ?? {}
    const what = Array.isArray(names)
      ? names.map((name) => plainText(name, 300)).join('; ')
      : 'commits that exist nowhere else'
    if (!options.yes || typeof consent !== 'string') {
      throw new CliError({
        code: 'consent-needed',
        message: `Not purged: ${id} holds ${what}. Nothing was changed.`,
        next: `Run "coppice restore ${id}" to get it back, or "coppice purge ${id} --yes" to delete exactly that`,
      })
    }
    return link.call('run.purge', { runId: id, consent })
  })
  cli.output.result({ id, ...freed }, () => [
    `Purged ${id}: ${freed.freedBytes === null ? 'an unknown amount' : bytesText(freed.freedBytes)} freed now.`,
  ])
}

// With --force something unknown may go, yet it too is agreed to; --force alone agrees to what is known.
function refuseUnasked(id: string, preview: RemovalPreview, options: RemoveOptions): void {
  const unknown = preview.facts.filter((fact) => fact.count === null)
  const lost = preview.facts.filter((fact) => fact.onlyHere && fact.count !== null && fact.count > 0)
  const named = [...lost, ...unknown].map(factSentence).join('; ')
  if (unknown.length > 0 && !(options.force && options.yes)) {
    throw new CliError({
      code: 'consent-needed',
      message: `Not removed: a check failed: ${named}. Nothing was changed.`,
      next: `Check the worktree first, or run "coppice rm ${id} --force --yes" to move it to the trash as it is`,
    })
  }
  if (!preview.safe && unknown.length === 0 && !options.yes && !options.force) {
    throw new CliError({
      code: 'consent-needed',
      message: `Not removed: this exists only here and would go to the trash: ${named}. Nothing was changed.`,
      next: `Run "coppice rm ${id} --yes" to confirm exactly that, or "coppice push ${id}" first`,
    })
  }
}

function previewLines(id: string, preview: RemovalPreview): string[] {
  const { rebuildableBytes, rebuildableAt, purgeAt, sizeBytes } = preview
  const asked = preview.unknown
    ? `A check failed: this would need "coppice rm ${id} --force --yes".`
    : preview.safe
      ? `Nothing exists only there: "coppice rm ${id}" removes it at once.`
      : `Items marked with ! exist only there: "coppice rm ${id} --yes" confirms exactly those.`
  return [
    ...shownFacts(preview),
    asked,
    `${bytesText(sizeBytes)} would go to the trash. ${freedSentence({ freedNow: 0, rebuildableBytes, rebuildableAt, purgeAt })}`,
  ]
}

function shownFacts(preview: RemovalPreview): string[] {
  const facts = preview.facts.filter((fact) => fact.count !== 0)
  return facts.map((fact) => `${fact.count === null ? '? ' : fact.onlyHere ? '! ' : '  '}${factSentence(fact)}`)
}

function reportLines(report: readonly ReportItem[]): string[] {
  return report.map(
    ({ what, result, reason }) =>
      `  ${result}: ${plainText(what, 1000)}${reason ? ` – ${plainText(reason, 500)}` : ''}`,
  )
}
