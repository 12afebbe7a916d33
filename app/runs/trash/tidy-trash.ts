// Entries of the trash that hold no tree and that no run names: a removal that was called off before anything moved, a restore or a
// purge whose last step failed. Their keep refs go and then their folder; an entry that holds anything is listed, never deleted.
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { deleteTree, directoryIdentity } from '../../disk/delete-tree.ts'
import { dropKeepRefs } from '../../git/trash/keep.ts'
import type { ReportItem } from '../../model/event.ts'
import type { Run } from '../../model/run.ts'
import { type Context, placeOf, repositoryOf } from '../context.ts'
import { worktreeRootOf } from '../worktree-root.ts'
import { entryName, manifestName, trashRootOf } from './trash-place.ts'

/** The root of now, and those of before that a run still names: the setting is for new runs only. */
function trashRoots(context: Context): string[] {
  const root = worktreeRootOf(context)
  const named = Object.values(context.journal.state.runs).map((run) =>
    run.trash?.directory ? dirname(run.trash.directory) : trashRootOf(run, root),
  )
  return [...new Set([join(root, '.trash'), ...named])]
}

/** Tidies the trash under each root; gives a line for each entry that it touched or could not account for. */
export async function tidyTrash(context: Context): Promise<ReportItem[]> {
  const report: ReportItem[] = []
  for (const root of trashRoots(context)) report.push(...(await tidyRoot(context, root)))
  return report
}

async function tidyRoot(context: Context, root: string): Promise<ReportItem[]> {
  const report: ReportItem[] = []
  for (const name of await namesIn(root)) {
    const directory = join(root, name)
    const entry = name.replace(/\.going$/, '')
    const runs = Object.values(context.journal.state.runs)
    if (runs.some((run) => namesEntry(run, join(root, entry)))) continue
    // The last part is the time; an entry of a run that a verb works on right now is that verb's.
    const run = runs.find(
      ({ id }) => entry.startsWith(prefixOf(id)) && /^[0-9a-z]+$/.test(entry.slice(prefixOf(id).length)),
    )
    if (run && context.busy.has(run.id)) continue
    const inside = (await namesIn(directory)).filter((file) => !file.startsWith(manifestName))
    if (!run || inside.length > 0) {
      report.push({
        what: directory,
        result: 'listed',
        reason: 'no run of ours names this entry of the trash; it was not touched',
      })
      continue
    }
    const repository = repositoryOf(context, run.repositoryId)
    await dropKeepRefs(await context.git(repository), placeOf(repository), entry)
    await deleteTree(directory, directoryIdentity(directory))
    report.push({
      what: directory,
      result: 'removed',
      reason: 'an empty entry that a cut-off verb had left in the trash',
    })
  }
  return report
}

const prefixOf = (runId: string): string => entryName(runId, 0).slice(0, -1)

const namesEntry = (run: Run, directory: string): boolean =>
  run.trash?.directory === directory || (run.intent?.kind === 'remove' && run.intent.directory === directory)

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
    throw error
  })
}
