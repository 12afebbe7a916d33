// The verb list: everything a client can ask of the host, with what goes in and what comes out. Read this file first.
// Inputs are parsed in host/serve on every transport. A reply says only "accepted", a new id, or what was asked to be read;
// the screen takes its truth from events.
import { z } from 'zod'
import { JournalRecord, ReportItem } from '../model/event.ts'
import { RepositoryId, RunId } from '../model/ids.ts'
import { RepositoryDetails } from '../model/repository.ts'
import { AgentName, AgentOptions, Mode, maxPromptBytes } from '../model/run.ts'
import { SettingsChange } from '../model/settings.ts'

const path = z
  .string()
  .min(1)
  .max(4096)
  .refine((value) => !value.includes('\0'), 'must not contain a NUL character')
const ref = z.string().min(1).max(1024)
const nothing = z.object({})
const done = z.object({})
const onRun = z.object({ runId: RunId })

export const DetectedAgent = z.object({
  name: AgentName,
  /** "Claude Code". */
  label: z.string(),
  /** Two letters for the tile: "cl". */
  mark: z.string(),
  found: z.string().nullable(),
  version: z.string().nullable(),
  modes: z.array(Mode),
  options: z.array(AgentOptions.keyof()),
  permissionModes: z.array(z.string()),
  /** What is missing and how to get it; null where nothing is. */
  problem: z.string().nullable(),
  install: z.string().nullable(),
})
export type DetectedAgent = z.infer<typeof DetectedAgent>

export const CreateInput = z.object({
  repositoryId: RepositoryId,
  agent: AgentName,
  commandLine: z.string().min(1).max(32_768).optional(),
  mode: Mode.default('interactive'),
  options: AgentOptions.default({}),
  /** Capped in bytes by the host too (`prompt-too-long`). */
  prompt: z
    .string()
    .max(maxPromptBytes * 16)
    .optional(),
  title: z.string().max(200).optional(),
  id: z.string().max(200).optional(),
  base: ref.optional(),
  fromBranch: ref.optional(),
  branch: ref.optional(),
  copies: z.number().int().min(1).max(50).default(1),
  setup: z.enum(['run', 'skip', 'ask']).default('ask'),
  install: z.boolean().default(true),
})
export type CreateInput = z.infer<typeof CreateInput>

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

export const HostStatus = z.object({
  pid: z.number(),
  keeperPid: z.number().nullable(),
  version: z.string(),
  /** Live runs: those with a session, or on their way to one. */
  runs: z.number(),
  protocol: z.number(),
  dataDirectory: z.string(),
  startedAt: z.number(),
  /** http://127.0.0.1:PORT where a browser may connect, null where no port is open. */
  address: z.string().nullable(),
})
export type HostStatus = z.infer<typeof HostStatus>

export const Finding = z.object({
  subject: z.string(),
  result: z.enum(['ok', 'warning', 'problem', 'unknown']),
  text: z.string(),
  next: z.string().nullable(),
})
export type Finding = z.infer<typeof Finding>

export const TrashEntry = z.object({
  runId: RunId,
  title: z.string(),
  repository: z.string().nullable(),
  branch: z.string().nullable(),
  removedAt: z.number(),
  sizeBytes: z.number().nullable(),
  rebuildableAt: z.number().nullable(),
  purgeAt: z.number(),
  commitsOnlyHere: z.number().nullable(),
})
export type TrashEntry = z.infer<typeof TrashEntry>

export const commands = {
  // host
  'host.status': { input: nothing, output: HostStatus },
  'host.stop': { input: z.object({ agents: z.enum(['keep', 'stop', 'refuse']) }), output: done },
  'host.doctor': { input: nothing, output: z.object({ findings: z.array(Finding) }) },
  /** Opens the loopback port for browsers; the address carries a token in its fragment that is good once. */
  'host.serve': {
    input: z.object({ port: z.number().int().min(0).max(65_535).default(0) }),
    output: z.object({ address: z.string(), url: z.string() }),
  },
  'host.focus': { input: z.object({ path: path.optional() }), output: z.object({ windows: z.number() }) },
  'settings.change': { input: z.object({ change: SettingsChange }), output: done },

  // repositories
  /** `agree`: a person means just this repository, and its remotes are right as they are now. Without it, known ones keep theirs. */
  'repository.add': {
    input: z.object({ path, agree: z.boolean().default(false) }),
    output: z.object({ repositoryId: RepositoryId }),
  },
  'repository.forget': { input: z.object({ repositoryId: RepositoryId }), output: done },
  'repository.trust': { input: z.object({ repositoryId: RepositoryId, trusted: z.boolean() }), output: done },
  'repository.details': { input: z.object({ repositoryId: RepositoryId }), output: RepositoryDetails },
  'repository.fetch': {
    input: z.object({ repositoryId: RepositoryId }),
    output: z.object({ fetched: z.boolean(), reason: z.string().nullable() }),
  },
  /** What a run's branch would be called (the first copy's of several): free here and on the remotes, or the next free one. */
  'repository.branch-name': {
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
  },
  'repository.approve-setup': { input: z.object({ repositoryId: RepositoryId, hash: z.string() }), output: done },
  /** Folders below a path, for a client that has no file dialog. */
  'directory.list': {
    input: z.object({ path: path.optional() }),
    output: z.object({
      path: z.string(),
      parent: z.string().nullable(),
      entries: z.array(z.object({ name: z.string(), path: z.string(), repository: z.boolean() })),
    }),
  },
  'demo.start': { input: nothing, output: z.object({ repositoryId: RepositoryId, runIds: z.array(RunId) }) },
  'agent.list': {
    input: z.object({ refresh: z.boolean().default(false) }),
    output: z.object({ agents: z.array(DetectedAgent) }),
  },
  /** The exact command line that a run would be started with, shown before it is. */
  'agent.preview': {
    input: CreateInput.pick({ agent: true, commandLine: true, mode: true, options: true, prompt: true }).partial({
      mode: true,
      options: true,
    }),
    output: z.object({ commandLine: z.string(), problem: z.string().nullable() }),
  },

  // runs
  'run.create': { input: CreateInput, output: z.object({ runIds: z.array(RunId) }) },
  'run.cancel': { input: onRun, output: done },
  /** Takes a queued run out of turn, above the cap. */
  'run.start-now': { input: onRun, output: done },
  'run.approve-setup': { input: onRun.extend({ decision: z.enum(['run', 'skip']) }), output: done },
  'run.stop': { input: onRun, output: done },
  'run.resume': {
    input: onRun.extend({
      prompt: z
        .string()
        .max(maxPromptBytes * 16)
        .optional(),
    }),
    output: done,
  },
  'run.send': {
    input: onRun.extend({ text: z.string().max(maxPromptBytes), enter: z.boolean().default(true) }),
    output: done,
  },
  'run.rename': { input: onRun.extend({ title: z.string().min(1).max(200) }), output: done },
  'run.review': { input: onRun.extend({ reviewed: z.boolean() }), output: done },
  /** A page of what the run printed: `raw` bytes (base64), or the text of it without control sequences. */
  'run.logs': {
    input: onRun.extend({
      raw: z.boolean().default(false),
      attempt: z.number().int().min(1).optional(),
      from: z.number().int().min(0).default(0),
    }),
    output: z.object({ data: z.string(), next: z.number(), firstByte: z.number(), ended: z.boolean() }),
  },
  'run.push': {
    input: onRun,
    output: z.object({ remote: z.string(), ref: z.string(), sha: z.string(), already: z.boolean() }),
  },
  /** `opened`: gh made it. Otherwise `url` is the forge's compare page, filled in, for the person to open. */
  'run.pull-request': { input: onRun, output: z.object({ url: z.string(), opened: z.boolean() }) },
  'run.measure': { input: onRun, output: done },

  // remove and restore
  'run.preview-removal': { input: onRun, output: RemovalPreview },
  'run.remove': {
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
  },
  'run.restore': { input: onRun, output: z.object({ report: z.array(ReportItem), worktree: z.string() }) },
  /** Frees the disk before its time. Asks (by `consent`) where commits would be lost. */
  'run.purge': {
    input: onRun.extend({ consent: z.string().optional() }),
    output: z.object({ freedBytes: z.number().nullable() }),
  },
  'trash.list': {
    input: nothing,
    output: z.object({ entries: z.array(TrashEntry), sizeBytes: z.number().nullable() }),
  },

  // journal
  'journal.read': {
    input: z.object({
      before: z.number().int().optional(),
      limit: z.number().int().min(1).max(1000).default(200),
      search: z.string().max(200).optional(),
      runId: RunId.optional(),
    }),
    output: z.object({ records: z.array(JournalRecord), more: z.boolean() }),
  },
  /** All of it as an audit log, into a file of the data directory: too large for one answer, and to be verified from that file alone. */
  'journal.export': {
    input: z.object({ format: z.enum(['jsonl', 'csv']) }),
    output: z.object({ path: z.string(), records: z.number(), head: z.string(), bytes: z.number() }),
  },
} as const

export type Commands = typeof commands
export type CommandName = keyof Commands
export type CommandInput<N extends CommandName> = z.input<Commands[N]['input']>
export type CommandOutput<N extends CommandName> = z.output<Commands[N]['output']>

export const commandNames = Object.keys(commands) as CommandName[]
export const isCommandName = (name: string): name is CommandName => Object.hasOwn(commands, name)
