// Review of what a run did: what changed, hunk by hunk; and what a person has read of it.
import { z } from 'zod'
import { ChangedFile, FilePatch, maxChangedFiles, maxPatchPaths, ObjectId, Scope } from '../../model/diff.ts'
import { done, onRun, type Verb } from './verb.ts'

export const markReviewed = { input: onRun.extend({ reviewed: z.boolean() }), output: done } satisfies Verb

/** A file's `id`: its path, or the opaque name of one that is not UTF-8. */
const fileId = z
  .string()
  .min(1)
  .max(8192)
  .refine((value) => !value.includes('\0'), 'must not contain a NUL character')
const hunkId = z.string().regex(/^[0-9a-f]{24}$/)
/** Which change is meant: everything about one comparison but the files. */
const compared = onRun.extend({
  scope: Scope.default({ kind: 'base' }),
  ignoreWhitespace: z.boolean().default(false),
})
/** Some hunks of a file, or all of it where none is named. */
const Pick = z.object({ id: fileId, hunks: z.array(hunkId).max(10_000).optional() })
const picked = z.union([z.literal('all'), z.array(Pick).min(1).max(maxChangedFiles)])
const signature = z.string().max(128)

export const Commit = z.object({
  sha: ObjectId,
  subject: z.string(),
  author: z.string(),
  /** When it was committed, in milliseconds since 1970. */
  at: z.number(),
  /** Files that differ from its first parent; null for a merge. */
  files: z.number().nullable(),
  parents: z.number(),
  /** A merge that brought in commits of the base: what came with it is not this run's work. */
  fromBase: z.boolean(),
})
export type Commit = z.infer<typeof Commit>

export const Changes = z.object({
  /** What the older side is: a commit or a tree. */
  mergeBase: ObjectId,
  /** null where HEAD has no commit yet. */
  head: ObjectId.nullable(),
  /** Of everything that is compared: it changes whenever a file in here does. */
  signature,
  files: z.array(ChangedFile),
  /** Files are missing from the list, or lines from the counts: there is too much of it. `totals.files` is exact all the same. */
  truncated: z.boolean(),
  totals: z.object({
    files: z.number(),
    added: z.number(),
    deleted: z.number(),
    hunks: z.number(),
    reviewed: z.number(),
    unseen: z.number(),
  }),
  /** When a person last looked; null: never. */
  seenAt: z.number().nullable(),
  /** Commits that came from the base by a merge, a pull or a rebase since the run began. They are left out of the comparison. */
  notMine: z.object({ commits: z.number(), subjects: z.array(z.string()) }).optional(),
})
export type Changes = z.infer<typeof Changes>

/** What changed. `only`: files with a hunk that was not reviewed, or that was not there when a person last looked. */
export const changes = {
  reads: true,
  input: compared.extend({ only: z.enum(['unreviewed', 'unseen']).optional() }),
  output: Changes,
} satisfies Verb

/** The patches of some files, in the order of the comparison. One that no longer differs has an empty patch. */
export const patch = {
  reads: true,
  input: compared.extend({
    paths: z.array(fileId).min(1).max(maxPatchPaths),
    /** Lines around a change. */
    context: z.number().int().min(0).max(100_000).default(3),
  }),
  output: z.object({ files: z.array(FilePatch), truncated: z.boolean() }),
} satisfies Verb

/** One side of a picture: png, jpeg, gif or webp. */
export const image = {
  reads: true,
  input: onRun.extend({ scope: Scope.default({ kind: 'base' }), path: fileId, side: z.enum(['old', 'new']) }),
  output: z.object({
    type: z.enum(['image/png', 'image/jpeg', 'image/gif', 'image/webp']),
    /** Base64. */
    data: z.string(),
    bytes: z.number(),
  }),
} satisfies Verb

/** The commits of the run, the newest first: what HEAD has beyond its base, along the first parents. */
export const commits = {
  reads: true,
  input: onRun,
  output: z.object({ commits: z.array(Commit), more: z.boolean() }),
} satisfies Verb

/**
 * Marks hunks, files or everything as reviewed, or not. Marks are kept by content. Refused with `changed-since` where a hunk or a file
 * that is named is not there any more, or, with a signature, where anything has changed.
 */
export const mark = {
  input: compared.extend({ marks: picked, reviewed: z.boolean(), signature: signature.optional() }),
  output: z.object({ hunks: z.number() }),
} satisfies Verb

/** Remembers that a person has looked at all that has this signature: what comes later is unseen. */
export const seen = { input: compared.extend({ signature }), output: done } satisfies Verb
