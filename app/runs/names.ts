// The names of runs and their branches: an id from the person's words, a branch from the template, and the next free name if one is
// taken. The form's preview and the create both ask here, so the preview matches the result.
import { join } from 'node:path'
import { exists } from '../disk/files.ts'
import { isValidBranchName, uniqueBranch } from '../git/refs/refs.ts'
import { RunId, slugOf } from '../model/ids.ts'
import { type Context, repositoryOf } from './context.ts'
import { runDirectory } from './prompt-file.ts'

export interface Naming {
  readonly id?: string | undefined
  readonly title?: string | undefined
  readonly prompt?: string | undefined
  readonly agent?: string | undefined
  readonly commandLine?: string | undefined
}

/** The id that a run is to have before others are looked at: as said, else from its title, prompt, command or agent. */
export function wantedId({ id, title, prompt, agent, commandLine }: Naming): string {
  return (
    id ?? (slugOf(title ?? prompt ?? '') || (agent === 'command' ? slugOf(commandLine ?? '') : '') || (agent ?? 'run'))
  )
}

/** The id of copy `n` (from 1) of a run wanted several times. */
export const copyId = (wanted: string, n: number): string => `${wanted.slice(0, 44)}-${n}`

/** What the next run's id and branch would be (the first one's of several copies), and whether a wanted branch is free. */
export async function branchName(
  context: Context,
  input: Naming & { repositoryId: string; branch?: string | undefined; copies: number },
): Promise<{ id: string; branch: string; free: boolean; problem: string | null }> {
  const repository = repositoryOf(context, input.repositoryId)
  const git = await context.git(repository)
  const several = input.copies > 1
  const id = freeId(context, several ? copyId(wantedId(input), 1) : wantedId(input))
  const explicit = input.branch === undefined ? null : several ? `${input.branch}-1` : input.branch
  const wanted = explicit ?? fillTemplate(context.journal.state.settings.branchTemplate, id)
  const problem = await isValidBranchName(git, wanted)
  if (problem) return { id, branch: wanted, free: false, problem }
  const free = await uniqueBranch(git, repository.path, wanted, reservedBranches(context, repository.id))
  return {
    id,
    branch: explicit ?? free,
    free: free === wanted,
    problem: free === wanted ? null : `${wanted} exists already; ${free} is free`,
  }
}

/** The branch template with its placeholders filled in. */
export function fillTemplate(template: string, id: string): string {
  return template.replaceAll('{id}', id).replaceAll('{slug}', slugOf(id) || id)
}

/** `wanted`, or the next of wanted-2, wanted-3 … that no run, present or past, has. */
export function freeId(context: Context, wanted: string, taken: ReadonlySet<string> = new Set()): string {
  const { runs } = context.journal.state
  const lower = new Set(Object.keys(runs).map((id) => id.toLowerCase()))
  const base = RunId.safeParse(wanted).success ? wanted : 'run'
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base.slice(0, 43)}-${n}`
    if (!lower.has(id.toLowerCase()) && !taken.has(id) && !isHeldOnDisk(context, id)) return id
  }
}

/**
 * True where the disk still has a folder or a screen of a run of this id that the journal may not know: after a damaged journal was
 * put aside, a new run of an old name would write among the old one's files, and the keeper takes no session twice.
 */
export function isHeldOnDisk(context: Context, id: string): boolean {
  return exists(runDirectory(context.dataDirectory, id)) || exists(join(context.dataDirectory, 'keeper', `${id}.1`))
}

/** Branches that runs of this repository hold or will make, so that two creates never pick one name. */
export function reservedBranches(context: Context, repositoryId: string): ReadonlySet<string> {
  const branches = new Set<string>()
  for (const run of Object.values(context.journal.state.runs)) {
    if (run.repositoryId !== repositoryId || run.phase === 'purged') continue
    if (run.branch) branches.add(run.branch)
    else if (run.wantedBranch && run.settledAt === null) branches.add(run.wantedBranch)
  }
  return branches
}
