// What a run would ask about if it started from a base now: the content itself, with the hash that an answer is bound to.
import type { GitContext } from '../../git/exec.ts'
import { readFileAt, resolveCommit, trackedFiles } from '../../git/refs/refs.ts'
import type { InspectedRepository } from '../../git/repository.ts'
import type { Asked } from '../../model/approval.ts'
import type { Repository } from '../../model/repository.ts'
import { type Context, repositoryOf } from '../context.ts'
import { commitSource } from '../create/content-source.ts'
import { detectInstall } from '../create/dependencies.ts'
import { findIncludedFiles } from '../create/included-files.ts'
import { installAsked } from '../create/install-content.ts'
import { parseSetup, setupAsked, setupFileName } from '../create/setup-command.ts'
import { inspectPresent } from '../repositories.ts'
import { isApproved } from './ask.ts'

/** The content that a run from `base` or `fromBranch` would meet, approved or not. `setup-failed` where the file cannot be used. */
export async function previewApprovals(
  context: Context,
  input: { repositoryId: string; base?: string | undefined; fromBranch?: string | undefined },
): Promise<{ asked: Asked[] }> {
  const repository = repositoryOf(context, input.repositoryId)
  const found = await inspectPresent(context, repository)
  const ref = startOf(found, input)
  return { asked: await askedAt(await context.git(repository), repository, ref, { setup: true, install: true }) }
}

/** The ref that a run starts from. */
export function startOf(
  found: Pick<InspectedRepository, 'defaultBase'>,
  input: { base?: string | null | undefined; fromBranch?: string | null | undefined },
): string {
  if (input.fromBranch) return `refs/heads/${input.fromBranch.replace(/^refs\/heads\//, '')}`
  return input.base ?? found.defaultBase?.ref ?? 'HEAD'
}

/** What the commit at `ref` holds that needs an approval. */
export async function askedAt(
  git: GitContext,
  repository: Repository,
  ref: string,
  wanted: { readonly setup: boolean; readonly install: boolean },
): Promise<Asked[]> {
  const asked: Omit<Asked, 'approved'>[] = []
  if (wanted.setup) {
    const setup = parseSetup(await readFileAt(git, repository.path, ref, setupFileName))
    if (setup) asked.push(setupAsked(setup))
  }
  if (wanted.install && !repository.trusted) {
    const commit = await resolveCommit(git, repository.path, ref)
    const included = await findIncludedFiles(repository.path, await trackedFiles(git, repository.path))
    const source = await commitSource(git, repository.path, commit, included.files)
    const install = detectInstall(source.paths)
    if (install) asked.push(await installAsked(source, install))
  }
  return asked.map((one) => ({ ...one, approved: isApproved(repository, one) }))
}
