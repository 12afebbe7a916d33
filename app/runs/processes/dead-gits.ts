// What the gits of a killed host leave: processes that still write, and locks of refs that would wedge the repository. Both are
// told by proof only: a process by the mark of its host, a lock by the verb that was cut off and by no git that lives there.
import { basename } from 'node:path'
import { clearDeadRefLocks } from '../../git/refs/ref-locks.ts'
import { keepPrefix } from '../../git/trash/keep.ts'
import type { Run } from '../../model/run.ts'
import { gitMark } from '../../process/environment.ts'
import { listProcesses, stopTree } from '../../process/tree.ts'
import { type Context, repositoryOf } from '../context.ts'
import { as, type Line } from '../recovery/recovery-report.ts'

/** Milliseconds that a git which outlived its host may go on before it is ended: a checkout of 27,000 files took 2 s here. */
const patienceMs = 10_000

/** A git that a killed host had started may still be writing: it is waited for, and ended where it does not end by itself. */
export async function quietGits(context: Context): Promise<Line[]> {
  const marks = gitMark(context.dataDirectory, '')
  const theirs = async () =>
    (await listProcesses({ marks: true })).filter(
      ({ mark }) => mark?.startsWith(marks) && mark !== gitMark(context.dataDirectory, process.pid),
    )
  const until = performance.now() + patienceMs
  let left = await theirs()
  while (left.length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    left = await theirs()
  }
  const report: Line[] = []
  for (const mark of new Set(left.map((process) => process.mark ?? ''))) {
    const { ended } = await stopTree({ roots: [], mark })
    report.push({
      what: ended.map(({ pid }) => `git process ${pid}`).join(', '),
      result: 'repaired',
      kind: 'git',
      reason: 'left by a host that was killed; it did not end by itself, so it was ended',
    })
  }
  return report
}

/** The locks of refs that the cut-off verb of a run has left, where no git that may hold them lives. */
export async function clearCutOffLocks(context: Context, run: Run): Promise<Line[]> {
  // None of ours works in a folder that the person named.
  if (run.inPlace) return []
  const { records } = context.journal.read({ runId: run.id, limit: 50 })
  const begun = records.find(({ event }) => event.type === 'intended' || event.type === 'run-preparing')
  const entry = run.intent?.kind === 'remove' ? run.intent.directory : (run.trash?.directory ?? '')
  const refs = [
    ...(run.branch ? [`refs/heads/${run.branch}`] : []),
    ...(entry === '' ? [] : [`${keepPrefix}${basename(entry)}/`]),
  ]
  const { commonDir } = repositoryOf(context, run.repositoryId)
  const cleared = await clearDeadRefLocks(commonDir, { refs, since: begun?.at ?? Number.POSITIVE_INFINITY })
  const reason = 'the lock of a git that was killed was cleared'
  return as(
    'lock',
    cleared.map((what) => ({ what, result: 'repaired', reason })),
  )
}
