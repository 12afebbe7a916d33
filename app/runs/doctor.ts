// What a person checks when something is wrong: the tools, the disk, the repositories, the keeper, the trash. Reads only.
import { isAbsolute } from 'node:path'
import { detectAgents } from '../agents/detect.ts'
import type { Finding } from '../contract/commands/host.ts'
import { sentenceOf } from '../contract/sentences.ts'
import { exists } from '../disk/presence.ts'
import { gitVersion } from '../git/exec.ts'
import { changeText, putBackCommand } from '../git/shared-config.ts'
import { failureOf } from '../model/failure.ts'
import { isKept, isLive } from '../model/run.ts'
import { bytesText, counted } from '../model/text/units.ts'
import { loginEnvironment } from '../process/environment.ts'
import type { Context } from './context.ts'
import { isOpen } from './recovery/recovery-report.ts'
import { changedSettings, inspectPresent } from './repositories.ts'
import { spaceLeft } from './space.ts'
import { listTrash } from './trash/trash.ts'
import { worktreeRootOf } from './worktree-root.ts'

/** Examines everything that a run needs, one finding each. */
export async function examine(context: Context): Promise<{ findings: Finding[] }> {
  const findings: Finding[] = []
  const check = async (subject: string, work: () => Promise<Omit<Finding, 'subject'>>) => {
    try {
      findings.push({ subject, ...(await work()) })
    } catch (error) {
      const failure = failureOf(error)
      const { message, next } = sentenceOf(failure)
      findings.push({ subject, result: 'unknown', text: message, next })
    }
  }
  await check('git', async () => ({ result: 'ok', text: await gitVersion(await context.git(null)), next: null }))
  // Asked again: a person looks here after an agent was installed, or a start-up file was changed.
  await check('login shell', async () => {
    const { environment, source, problem } = await loginEnvironment({ refresh: true })
    const shell = environment.SHELL ?? 'the login shell'
    if (!problem) return { result: 'ok', text: `${shell} says the PATH`, next: null }
    const text = `${problem}; ${source === 'own' ? "the host's own environment is used, which may lack your PATH" : 'its last answer is used'}`
    return { result: 'warning', text, next: "Fix your shell's start-up files." }
  })
  for (const agent of await detectAgents(await context.environment())) {
    if (agent.name === 'demo' || agent.name === 'command') continue
    await check(agent.label, async () =>
      agent.problem
        ? { result: 'warning', text: agent.problem, next: agent.install }
        : {
            result: 'ok',
            text: `${agent.version ?? 'version unknown'} at ${agent.found ?? 'the login shell'}`,
            next: null,
          },
    )
  }
  const { runs, repositories } = context.journal.state
  await check('disk', async () => {
    const { free, low } = await spaceLeft(context)
    if (free === null) return { result: 'unknown', text: 'the free space cannot be read', next: null }
    return {
      result: low ? 'problem' : 'ok',
      text: `${bytesText(free)} free for ${context.dataDirectory} and the worktrees in ${worktreeRootOf(context)}`,
      next: low ? 'New runs wait; remove finished runs and empty the trash.' : null,
    }
  })
  await check('keeper', async () => {
    const keeper = await context.keeper()
    const held = await keeper.list()
    return {
      result: 'ok',
      text: `process ${keeper.pid}, ${counted(held.filter((session) => session.exit === null).length, 'live session')}`,
      next: null,
    }
  })
  for (const repository of Object.values(repositories)) {
    await check(repository.name, async () => {
      const changes = changedSettings(repository, await inspectPresent(context, repository))
      if (changes.length === 0) return { result: 'ok', text: repository.path, next: null }
      return {
        result: 'warning',
        text: `${repository.path}: its shared configuration has changed since you added it: ${changes.map(changeText).join('; ')}`,
        next: `Put it back with "${putBackCommand(repository.path, changes)}", or keep it with "coppice add".`,
      }
    })
  }
  await check('runs', async () => {
    const all = Object.values(runs)
    const missing = all.filter((run) => isKept(run.phase) && run.worktreePresence === 'missing')
    const text = `${all.filter((run) => isKept(run.phase)).length} kept, ${all.filter((run) => isLive(run.phase)).length} live`
    if (missing.length === 0) return { result: 'ok', text, next: null }
    return {
      result: 'warning',
      text: `${text}; the worktree is missing for ${missing.map((run) => run.id).join(', ')}`,
      next: 'Resume creates it again from its branch.',
    }
  })
  await check('journal', async () => {
    const verified = context.journal.verify()
    const skipped = context.journal.skipped.length
    return verified.ok
      ? skipped === 0
        ? { result: 'ok', text: `${context.journal.head().seq} records, every hash right`, next: null }
        : {
            result: 'warning',
            text: `${context.journal.head().seq} records, every hash right; ${skipped} of them were written by another version and are skipped`,
            next: 'Use the newest version of Coppice on this data directory.',
          }
      : {
          result: 'problem',
          text: `record ${verified.firstBad}: ${verified.why}`,
          next: 'Export it with "coppice journal --export jsonl" and keep the file.',
        }
  })
  await check('recovery', async () => {
    const { recovery } = context.journal.state
    if (!recovery) return { result: 'ok', text: 'nothing needed fixing', next: null }
    // What was listed and is gone since needs nobody any more. (A worktree that is missing is named above.)
    const settled = await Promise.all(
      recovery.report.map(
        async ({ result, what }) => result === 'listed' && isAbsolute(what) && !(await exists(what).catch(() => true)),
      ),
    )
    const lines = recovery.report.filter((_, n) => !settled[n])
    const open = lines.filter(isOpen)
    const text = [
      recovery.text,
      ...lines.map((item) => `${item.what}: ${item.result}${item.reason ? `, ${item.reason}` : ''}`),
    ].join('\n')
    return { result: open.length > 0 ? 'warning' : 'ok', text, next: null }
  })
  await check('trash', async () => {
    const trash = await listTrash(context)
    return { result: 'ok', text: `${trash.entries.length} entries, ${bytesText(trash.sizeBytes)}`, next: null }
  })
  return { findings }
}
