// Cleanup: what a removal would take away, the removal, and the trash it goes to.
import { z } from 'zod'
import { ReportItem } from '../../model/event.ts'
import { RunId } from '../../model/ids.ts'
import { nothing, onRun, type Verb } from './verb.ts'

/** One part of what a removal would take away. `count: null` means it could not be found out, and then removal refuses. */
export const RemovalFact = z.object({
  kind: z.enum([
    'staged',
    'unstaged',
    'untracked',
    'ignored',
    'precious',
    'hidden-edits',
    'stashes',
    'commits',
    'nested-repositories',
    'submodules',
    'operation',
    'locks',
    'processes',
  ]),
  count: z.number().nullable(),
  /** "2 commits on no remote". */
  text: z.string(),
  /** A few names, for the eye; the count is exact. */
  names: z.array(z.string()),
  bytes: z.number().nullable().optional(),
  /** True where it exists only here: such a fact asks for consent. */
  onlyHere: z.boolean(),
  /** Why it is unknown, or what blocks and the way out. */
  why: z.string().optional(),
})
export type RemovalFact = z.infer<typeof RemovalFact>

export const RemovalPreview = z.object({
  runId: RunId,
  facts: z.array(RemovalFact),
  /** Bound to the counts above; a removal with a stale one is refused with `consent-stale`. */
  consent: z.string(),
  /** True where nothing exists only here: it may go at once, with Undo. */
  safe: z.boolean(),
  /** True where something is unknown: only a forced removal with fresh consent goes on. */
  unknown: z.boolean(),
  sizeBytes: z.number().nullable(),
  rebuildableBytes: z.number().nullable(),
  rebuildableAt: z.number().nullable(),
  purgeAt: z.number(),
})
export type RemovalPreview = z.infer<typeof RemovalPreview>

export const TrashEntry = z.object({
  runId: RunId,
  title: z.string(),
  repository: z.string().nullable(),
  branch: z.string().nullable(),
  removedAt: z.number(),
  sizeBytes: z.number().nullable(),
  rebuildableAt: z.number().nullable(),
  purgeAt: z.number(),
  /** Due since a time when nobody watched: it stays for so many milliseconds of the host's own running time. Null: not due yet. */
  waitsMs: z.number().nullable(),
  commitsOnlyHere: z.number().nullable(),
})
export type TrashEntry = z.infer<typeof TrashEntry>

export const previewRemoval = { reads: true, input: onRun, output: RemovalPreview } satisfies Verb

export const remove = {
  input: onRun.extend({ consent: z.string().optional(), force: z.boolean().default(false) }),
  /** What was really done, and when the space comes back. `purgeAt: null`: nothing of it lies in the trash. */
  output: z.object({
    report: z.array(ReportItem),
    freedNow: z.number(),
    rebuildableBytes: z.number().nullable(),
    rebuildableAt: z.number().nullable(),
    purgeAt: z.number().nullable(),
    /** Not 0: it is never freed unasked, whatever day `purgeAt` is. */
    commitsOnlyHere: z.number().nullable(),
  }),
} satisfies Verb

export const restore = {
  input: onRun,
  output: z.object({ report: z.array(ReportItem), worktree: z.string() }),
} satisfies Verb

/** Frees the disk before its time. Asks (by `consent`) where commits would be lost. */
export const purge = {
  input: onRun.extend({ consent: z.string().optional() }),
  output: z.object({ freedBytes: z.number().nullable() }),
} satisfies Verb

/** Starts the retention of a removed run again, from now. */
export const keep = { input: onRun, output: z.object({ purgeAt: z.number() }) } satisfies Verb

export const listTrash = {
  reads: true,
  input: nothing,
  output: z.object({ entries: z.array(TrashEntry), sizeBytes: z.number().nullable() }),
} satisfies Verb
