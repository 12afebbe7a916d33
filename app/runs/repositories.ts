// The verbs on repositories: add, forget, trust, and everything a person needs to know about one before a run starts in it. Nothing
// here changes a repository, except a fetch that the person asked for.
import { createHash } from 'node:crypto'
import { readdir, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { exists } from '../disk/files.ts'
import { presenceOf } from '../disk/presence.ts'
import { gitVersion } from '../git/exec.ts'
import { listBranches, refAge, trackedFiles } from '../git/refs/refs.ts'
import { fetchRef } from '../git/remote/fetch.ts'
import { type InspectedRepository, inspectRepository } from '../git/repository.ts'
import { type SettingChange, settingChanges } from '../git/shared-config.ts'
import { readEntries } from '../git/worktree/entries.ts'
import { repairWorktree } from '../git/worktree/worktree.ts'
import { fail } from '../model/failure.ts'
import { slugOf } from '../model/ids.ts'
import type { Repository, RepositoryDetails } from '../model/repository.ts'
import { isLive } from '../model/run.ts'
import { type Caller, type Context, record, recordAll, repositoryOf } from './context.ts'
import { detectInstallIn, missingManager } from './create/dependencies.ts'
import { findIncludedFiles } from './create/included-files.ts'
import { spaceLeft } from './space.ts'
import { lockReason, worktreeRootOf } from './worktree-root.ts'

/** Adds the repository at `path` (or the one that `path` lies in); the same one twice gives the same id, and `agree` its remotes. */
export async function addRepository(
  context: Context,
  caller: Caller,
  input: { path: string; agree?: boolean; demo?: boolean },
): Promise<{ repositoryId: string }> {
  const path = resolve(expandHome(input.path))
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EACCES') throw fail('permission-denied', { path })
    throw fail('not-a-repository', { path, message: 'there is nothing at this path' })
  })
  const git = await context.git(null)
  await gitVersion(git)
  const found = await inspectRepository(git, path)
  if (found.bare) throw fail('bare-repository', { path })
  if (!found.hasCommits) throw fail('no-commits', { path: found.topLevel })
  const known = Object.values(context.journal.state.repositories).find(
    (repository) => repository.commonDir === found.commonDir,
  )
  if (known) {
    if (known.path !== found.topLevel || known.presence !== 'present') {
      record(context, caller, {
        type: 'repository-moved',
        repositoryId: known.id,
        path: found.topLevel,
        commonDir: found.commonDir,
      })
    }
    const remotes = found.remotes.map(({ name, url }) => ({ name, url }))
    const { settings } = found
    const agreed = JSON.stringify([known.remotes, known.settings]) === JSON.stringify([remotes, settings])
    if (input.agree && !agreed) {
      // Adding it again on purpose is how a person says that its remotes and settings are right as they are now. Naming it for a run
      // or at a start is not: an agent may have changed them meanwhile.
      record(context, caller, { type: 'repository-remotes', repositoryId: known.id, remotes, settings })
    }
    return { repositoryId: known.id }
  }
  const moved = movedFrom(context, found.commonDir)
  if (moved) {
    record(context, caller, {
      type: 'repository-moved',
      repositoryId: moved.repository.id,
      path: found.topLevel,
      commonDir: found.commonDir,
    })
    // Its worktrees still name the old place: each is told the new one, before any prune could take its entry.
    const git = await context.git(moved.repository)
    for (const worktree of moved.worktrees) await repairWorktree(git, found.topLevel, worktree)
    return { repositoryId: moved.repository.id }
  }
  const name = basename(found.topLevel) || 'repository'
  const hash = createHash('sha256').update(found.commonDir).digest('hex').slice(0, 8)
  const id = `${slugOf(name, 40) || 'repository'}-${hash}`
  const repository: Repository = {
    id,
    name,
    path: found.topLevel,
    commonDir: found.commonDir,
    addedAt: context.now(),
    trusted: false,
    approvedSetups: [],
    approvedInstalls: [],
    presence: 'present',
    demo: input.demo ?? false,
    remotes: found.remotes.map(({ name, url }) => ({ name, url })),
    settings: found.settings,
  }
  record(context, caller, { type: 'repository-added', repository })
  rememberPath(context, caller, found.topLevel)
  return { repositoryId: id }
}

/** True only where nothing is at the path for certain. */
function isGone(path: string): boolean {
  try {
    return !exists(path)
  } catch {
    return false
  }
}

/** A repository of ours whose own place is empty and whose worktrees' entries, with our locks, are in this one: it was moved. */
function movedFrom(context: Context, commonDir: string): { repository: Repository; worktrees: string[] } | null {
  const { repositories, runs } = context.journal.state
  const entries = readEntries(commonDir)
  for (const repository of Object.values(repositories)) {
    if (!isGone(repository.commonDir)) continue
    const worktrees = Object.values(runs)
      .filter((run) => run.repositoryId === repository.id && run.worktree !== null && !run.inPlace)
      .filter((run) =>
        entries.some((entry) => entry.locked === lockReason(context, run.id) && entry.path === run.worktree),
      )
      .map((run) => run.worktree ?? '')
    if (worktrees.length > 0) return { repository, worktrees }
  }
  return null
}

/** Takes a repository off the list; refused while a run of it is on the grid or in the trash. The files stay as they are. */
export async function forgetRepository(
  context: Context,
  caller: Caller,
  input: { repositoryId: string },
): Promise<Record<string, never>> {
  const repository = repositoryOf(context, input.repositoryId)
  const runs = Object.values(context.journal.state.runs).filter(
    (run) => run.repositoryId === repository.id && run.phase !== 'purged' && !(run.inPlace && run.phase === 'removed'),
  )
  if (runs.length > 0) {
    throw fail('in-use', { what: repository.name, count: runs.length, names: runs.slice(0, 5).map((run) => run.id) })
  }
  record(context, caller, { type: 'repository-forgotten', repositoryId: repository.id })
  return {}
}

/** Says whether the repository's own hooks and filters may run in what Coppice does itself. */
export async function trustRepository(
  context: Context,
  caller: Caller,
  input: { repositoryId: string; trusted: boolean },
): Promise<Record<string, never>> {
  const repository = repositoryOf(context, input.repositoryId)
  if (repository.trusted === input.trusted) return {}
  const { approvals } = context.journal.state
  // An install of a trusted repository asks nothing: what waited for that goes on.
  const answered = Object.values(approvals).filter(
    (one) =>
      input.trusted && one.state === 'pending' && one.repositoryId === repository.id && one.request.kind === 'install',
  )
  recordAll(context, caller, [
    { type: 'repository-trusted', ...input },
    ...answered.map(({ id, runId }) => ({
      type: 'approval-expired' as const,
      runId,
      approvalId: id,
      why: 'the repository is trusted now',
    })),
  ])
  context.pump()
  return {}
}

/** Everything the New run dialog shows of a repository, read now. */
export async function repositoryDetails(context: Context, input: { repositoryId: string }): Promise<RepositoryDetails> {
  const repository = repositoryOf(context, input.repositoryId)
  const git = await context.git(repository)
  const found = await inspectPresent(context, repository)
  const base = found.defaultBase
  const [branches, age, tracked, install] = await Promise.all([
    listBranches(git, repository.path),
    base ? refAge(git, repository.path, base.ref) : null,
    trackedFiles(git, repository.path),
    detectInstallIn(repository.path),
  ])
  const included = await findIncludedFiles(repository.path, tracked)
  const missing = install && (await missingManager(install, await context.environment()))
  const root = worktreeRootOf(context)
  const { runs, settings } = context.journal.state
  const here = Object.values(runs).filter((run) => run.repositoryId === repository.id && isLive(run.phase)).length
  return {
    id: repository.id,
    headBranch: found.headBranch,
    defaultBase:
      base && age
        ? { ref: base.ref, commit: age.commit, committedAt: age.committedAt, fetchedAt: age.fetchedAt }
        : null,
    remotes: found.remotes.map(({ name, url }) => ({ name, url })),
    branches: branches.slice(0, 500).map((branch) => ({
      ref: branch.ref,
      name: branch.name,
      remote: branch.remote,
      commit: branch.commit,
      committedAt: branch.committedAt,
      checkedOutAt: branch.checkedOutAt,
    })),
    copies: [...included.files],
    install: install
      ? {
          manager: install.manager,
          command: [...install.command],
          lockFile: install.lockFile,
          problem: missing ? `${missing.message}. Install it: ${missing.install}` : null,
        }
      : null,
    worktreeRoot: root,
    freeBytes: (await spaceLeft(context)).free,
    running: here,
    limit: Math.min(settings.maxRunning, settings.maxRunningPerRepository),
  }
}

/** Inspects a repository that was added before. One that is not there is `repository-unavailable` and noted as such, never forgotten. */
export async function inspectPresent(context: Context, repository: Repository) {
  try {
    const found = await inspectRepository(await context.git(repository), repository.path)
    if (found.commonDir !== repository.commonDir)
      throw fail('repository-unavailable', { path: repository.path, message: 'another repository is at this path now' })
    if (repository.presence !== 'present') {
      record(context, context.host, { type: 'repository-presence', repositoryId: repository.id, presence: 'present' })
    }
    return found
  } catch (error) {
    if ((await presenceOf(repository.commonDir)) !== 'missing') throw error
    if (repository.presence === 'present') {
      record(context, context.host, {
        type: 'repository-presence',
        repositoryId: repository.id,
        presence: 'unavailable',
      })
    }
    throw fail('repository-unavailable', { path: repository.path })
  }
}

/** What the shared configuration says otherwise than when a person last added the repository; nothing where that is not known. */
export function changedSettings(repository: Repository, found: InspectedRepository): SettingChange[] {
  return repository.settings ? settingChanges(repository.settings, found.settings) : []
}

/** Fetches the default base now. Works offline: then `fetched` is false with the reason. */
export async function fetchRepository(
  context: Context,
  input: { repositoryId: string },
): Promise<{ fetched: boolean; reason: string | null }> {
  const repository = repositoryOf(context, input.repositoryId)
  const found = await inspectPresent(context, repository)
  const base = found.defaultBase && remoteBranchOf(found.defaultBase.ref, found.remotes)
  if (!base) return { fetched: false, reason: 'its base is not a remote branch' }
  const result = await fetchRef(await context.git(repository), repository.path, { ...base, timeoutMs: fetchTimeoutMs })
  return { fetched: result.fetched, reason: result.fetched ? null : (result.reason ?? 'unknown') }
}

/** A fetch of one ref may take this long before the run goes on with what is here, saying how old that is. */
export const fetchTimeoutMs = 60_000

/** "refs/remotes/origin/main" or "origin/main" as remote and branch, or null where it names no remote of the repository. */
export function remoteBranchOf(
  ref: string,
  remotes: readonly { readonly name: string }[],
): { remote: string; branch: string } | null {
  const short = ref.replace(/^refs\/remotes\//, '')
  const named = [...remotes]
    .sort((a, b) => b.name.length - a.name.length)
    .find(({ name }) => short.startsWith(`${name}/`))
  return named ? { remote: named.name, branch: short.slice(named.name.length + 1) } : null
}

/** Folders below a path, repositories marked: for a client without a file dialog. Hidden ones are left out. */
export async function listDirectory(input: { path?: string | undefined }) {
  const path = await realpath(resolve(expandHome(input.path ?? homedir()))).catch((error: NodeJS.ErrnoException) => {
    throw fail(error.code === 'EACCES' ? 'permission-denied' : 'not-found', {
      what: 'folder',
      id: input.path ?? '~',
      path: input.path ?? '~',
    })
  })
  const entries = (await readdir(path, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .slice(0, 2_000)
  const listed = await Promise.all(
    entries.map(async (entry) => {
      const child = join(path, entry.name)
      const repository = await stat(join(child, '.git')).then(
        () => true,
        () => false,
      )
      return { name: entry.name, path: child, repository }
    }),
  )
  listed.sort((a, b) => a.name.localeCompare(b.name))
  const parent = dirname(path)
  return { path, parent: parent === path ? null : parent, entries: listed }
}

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}

function rememberPath(context: Context, caller: Caller, path: string): void {
  const { settings } = context.journal.state
  const recentPaths = [path, ...settings.recentPaths.filter((other) => other !== path)].slice(0, 10)
  record(context, caller, { type: 'settings-changed', settings: { ...settings, recentPaths } })
}
