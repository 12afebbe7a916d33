// A run in place: its agent works in a folder that the person named, in git or not, without a worktree or a branch of ours. Coppice
// reads that folder and never creates, moves or removes anything in it; what the agent does there is up to the agent and the
// person.
import { fail, failureOf } from '../../model/failure.ts'
import { RunId } from '../../model/ids.ts'
import type { Run } from '../../model/run.ts'
import type { Caller, Context } from '../context.ts'
import { findFolder, refuseTaken } from '../in-place.ts'
import { wantedId } from '../names.ts'
import { promptHead, writeFirstPrompts } from '../prompt-file.ts'
import { rememberPrompt } from '../recent-prompts.ts'
import { addRepository } from '../repositories.ts'
import { type CreateRequest, checkAgent, newRun, pickIds } from './create.ts'

/** What a run in place cannot have, and how a person calls it. */
const ofWorktrees = { base: 'a base', fromBranch: 'a branch to work on', branch: 'a branch of its own' } as const

/**
 * Queues a run in a folder. Refusals change nothing: `bad-input`, `in-use` where another live run works there, `agent-not-found`,
 * `prompt-too-long`, `id-taken`.
 */
export async function createInPlace(
  context: Context,
  caller: Caller,
  request: Omit<CreateRequest, 'repositoryId'> & { readonly inPlace: string },
): Promise<{ runIds: string[] }> {
  const prompt = request.prompt === undefined || request.prompt === '' ? null : promptHead(request.prompt)
  for (const [field, what] of Object.entries(ofWorktrees))
    if (request[field as keyof typeof ofWorktrees] !== undefined)
      throw fail('bad-input', {
        field,
        message: `a run in place has no ${what.replace(/^a /, '')}: it takes the folder as it is`,
      })
  if (request.copies > 1)
    throw fail('bad-input', {
      field: 'copies',
      message: 'several runs in one folder would overwrite each other’s work',
    })
  if (request.id !== undefined) {
    const parsed = RunId.safeParse(request.id)
    if (!parsed.success)
      throw fail('bad-input', { field: 'id', message: parsed.error.issues[0]?.message ?? 'not an id' })
  }
  const folder = await findFolder(context, request.inPlace)
  await checkAgent(context, request)
  const repositoryId = await repositoryAt(context, caller, folder)

  // No await from here to the append: of two creates in one folder, the first wins and the second is told.
  refuseTaken(context, folder)
  const [id] = pickIds(context, wantedId(request), request)
  if (id === undefined) throw new Error('no id was picked')
  const run: Run = {
    ...newRun(context, repositoryId, request, { id, branch: null, prompt, copy: null }),
    inPlace: true,
    worktree: folder,
    worktreePresence: 'present',
    branchIsOurs: false,
    setup: 'skip',
    install: false,
  }
  const takeBack = request.prompt ? writeFirstPrompts(context.dataDirectory, [id], request.prompt) : () => {}
  try {
    context.journal.append({ type: 'run-queued', run }, caller)
  } catch (error) {
    takeBack()
    throw error
  }
  rememberPrompt(context, { ...request, repositoryId })
  context.pump()
  return { runIds: [id] }
}

/** Codes that mean: here is no repository that Coppice could know. What is merely not known now refuses instead. */
const noRepository: ReadonlySet<string> = new Set([
  'not-a-repository',
  'bare-repository',
  'no-commits',
  'git-missing',
  'git-too-old',
])

/** The repository that the folder lies in, known from now on, or null where it lies in none. */
async function repositoryAt(context: Context, caller: Caller, folder: string): Promise<string | null> {
  try {
    return (await addRepository(context, caller, { path: folder })).repositoryId
  } catch (error) {
    if (noRepository.has(failureOf(error).code)) return null
    throw error
  }
}
