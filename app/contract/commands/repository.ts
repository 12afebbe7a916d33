// Repositories: which ones the host knows, what it knows about them, and the folders a person may choose one from.
import { z } from 'zod'
import { RepositoryId, RunId } from '../../model/ids.ts'
import { RepositoryDetails } from '../../model/repository.ts'
import { AgentName } from '../../model/run.ts'
import { done, nothing, path, ref, type Verb } from './verb.ts'

/** `agree`: a person means just this repository, and its remotes are right as they are now. Without it, known ones keep theirs. */
export const add = {
  input: z.object({ path, agree: z.boolean().default(false) }),
  output: z.object({ repositoryId: RepositoryId }),
} satisfies Verb

export const forget = { input: z.object({ repositoryId: RepositoryId }), output: done } satisfies Verb

export const trust = {
  input: z.object({ repositoryId: RepositoryId, trusted: z.boolean() }),
  output: done,
} satisfies Verb

export const details = {
  reads: true,
  input: z.object({ repositoryId: RepositoryId }),
  output: RepositoryDetails,
} satisfies Verb

export const fetch = {
  input: z.object({ repositoryId: RepositoryId }),
  output: z.object({ fetched: z.boolean(), reason: z.string().nullable() }),
} satisfies Verb

/** What a run's branch would be called (the first copy's of several): free here and on the remotes, or the next free one. */
export const branchName = {
  reads: true,
  input: z.object({
    repositoryId: RepositoryId,
    id: z.string().max(200).optional(),
    title: z.string().max(200).optional(),
    prompt: z.string().max(2000).optional(),
    agent: AgentName.optional(),
    commandLine: z.string().max(32_768).optional(),
    branch: ref.optional(),
    copies: z.number().int().min(1).max(50).default(1),
  }),
  output: z.object({ id: z.string(), branch: z.string(), free: z.boolean(), problem: z.string().nullable() }),
} satisfies Verb

/** Folders below a path, for a client that has no file dialog. */
export const listDirectory = {
  reads: true,
  input: z.object({ path: path.optional() }),
  output: z.object({
    path: z.string(),
    parent: z.string().nullable(),
    entries: z.array(z.object({ name: z.string(), path: z.string(), repository: z.boolean() })),
  }),
} satisfies Verb

export const startDemo = {
  input: nothing,
  output: z.object({ repositoryId: RepositoryId, runIds: z.array(RunId) }),
} satisfies Verb
