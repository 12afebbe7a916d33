// A Repository is a local clone that a person added. Its identity is the common git directory; `path` is its main checkout.
import { z } from 'zod'
import { RepositoryId } from './ids.ts'

export const Repository = z.object({
  id: RepositoryId,
  name: z.string(),
  path: z.string(),
  commonDir: z.string(),
  addedAt: z.number(),
  /** Hooks and the repository's own filters run only once a person has said that they trust it. */
  trusted: z.boolean(),
  /** SHA-256 of each set-up command that was approved for this repository. */
  approvedSetups: z.array(z.string()),
  /** SHA-256 of each content that an install was allowed to run with. */
  approvedInstalls: z.array(z.string()).default([]),
  /** Missing is not removed: an unmounted disk comes back. */
  presence: z.enum(['present', 'unavailable']),
  demo: z.boolean(),
  /** The remotes as they were when a person last added the repository: a push to another address is a surprise, and refused. */
  remotes: z.array(z.object({ name: z.string(), url: z.string() })).default([]),
  /** What its shared configuration said then of how git works here; absent for one that was added by an older version. */
  settings: z.record(z.string(), z.string()).optional(),
})
export type Repository = z.infer<typeof Repository>

/** What a new run can start from, read from git when the person asks. Nothing here is stored. */
export const RepositoryDetails = z.object({
  id: RepositoryId,
  headBranch: z.string().nullable(),
  defaultBase: z
    .object({ ref: z.string(), commit: z.string(), committedAt: z.number(), fetchedAt: z.number().nullable() })
    .nullable(),
  remotes: z.array(z.object({ name: z.string(), url: z.string() })),
  branches: z.array(
    z.object({
      ref: z.string(),
      name: z.string(),
      remote: z.boolean(),
      commit: z.string(),
      committedAt: z.number(),
      checkedOutAt: z.string().nullable(),
    }),
  ),
  /** Untracked files that .worktreeinclude names and that exist now. */
  copies: z.array(z.string()),
  install: z
    .object({
      manager: z.enum(['npm', 'pnpm', 'yarn', 'bun']),
      command: z.array(z.string()),
      lockFile: z.string(),
      /** What the machine lacks for it, and how to get that; null where nothing is missing. */
      problem: z.string().nullable(),
    })
    .nullable(),
  worktreeRoot: z.string(),
  freeBytes: z.number().nullable(),
  running: z.number(),
  limit: z.number(),
})
export type RepositoryDetails = z.infer<typeof RepositoryDetails>
