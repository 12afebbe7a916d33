// The facts that each failure code may carry; its sentence is made from them. One key has one type wherever it appears, and every
// key may be absent, so that a failure of an older or newer build can be read as far as it is understood. Pure.
import { z } from 'zod'

const text = z.string()
const count = z.number()
const yes = z.boolean()
// One name alone was written as a text once.
const list = z.union([z.array(z.string()), z.string().transform((one) => [one])])

/** Every key of a detail, with what it holds. Hostile text, all of it: shown as text, never as markup. */
const keys = {
  // any failure
  /** git's or the system's own words; several lines are joined. */
  message: text,
  /** The same in lines, unshortened. */
  lines: list,
  /** The run, repository or other thing that the call named. */
  id: text,
  path: text,
  /** A create's: whether all that it had made was taken back. */
  undone: yes,
  /** Why, as one word for programs, or in the words of the one who refused. */
  reason: text,

  // what was asked for
  field: text,
  command: text,
  what: text,
  suggestion: text,
  option: text,
  mode: text,
  phase: text,
  wanted: text,
  bytes: count,
  max: count,
  limit: count,
  address: text,
  port: count,
  agent: text,

  // git
  base: text,
  branch: text,
  /** Where HEAD is. */
  head: text,
  filter: text,
  conflict: text,
  remote: text,
  repository: text,
  ref: text,
  url: text,
  actual: text,
  expected: text,
  transport: text,
  version: text,
  needed: text,
  exit: z.union([z.number(), z.string()]),
  seconds: count,
  lock: text,
  config: text,
  /** Settings of the repository that Coppice does not follow, and that may be what is missing. */
  ignored: list,

  // programs and processes
  file: text,
  hash: text,
  install: text,
  count,
  pid: count,
  pids: list,
  runs: count,

  // removal
  names: list,
  facts: list,
  consent: text,

  // the machine, the host, the store
  freeBytes: count,
  neededBytes: count,
  log: text,
  client: count,
  host: count,
  clientVersion: text,
  older: text,
  movedTo: text,
  found: count,
  known: count,
  approval: text,
  /** The code of a failure that this build does not know. */
  code: text,
} as const
type Key = keyof typeof keys

const always = ['message', 'lines', 'id', 'path', 'undone', 'reason'] as const satisfies readonly Key[]

/** Each code, with the keys that its detail may have besides those that any failure may have. */
export const failureDetails = {
  // the caller's input
  'bad-input': ['field', 'names', 'command', 'option', 'mode', 'agent'],
  'not-found': ['what'],
  'id-taken': ['suggestion'],
  'prompt-too-long': ['bytes', 'max', 'limit'],
  'wrong-phase': ['phase', 'wanted'],
  unauthorised: [],
  // the repository
  'not-a-repository': ['command', 'exit'],
  'bare-repository': ['command', 'exit'],
  'no-commits': ['branch', 'command', 'exit'],
  'repository-unavailable': ['command', 'exit'],
  'base-not-found': ['base', 'suggestion', 'command', 'exit'],
  'branch-name-invalid': ['branch', 'command', 'exit'],
  'branch-exists': ['branch', 'suggestion', 'conflict', 'command', 'exit'],
  'branch-checked-out': ['branch', 'command', 'exit'],
  'worktree-exists': ['command', 'exit'],
  'worktree-missing': ['branch', 'command', 'exit'],
  // git itself
  'git-missing': ['file'],
  'git-too-old': ['version', 'needed', 'file'],
  'git-failed': ['command', 'exit', 'file', 'remote', 'branch', 'ignored', 'url'],
  'git-locked': ['lock', 'config', 'command', 'exit'],
  'git-timeout': ['command', 'seconds'],
  'state-unknown': ['what', 'names', 'ref', 'branch', 'command', 'exit', 'lock'],
  // create
  'needs-approval': ['command', 'file', 'hash', 'repository', 'approval'],
  'filter-untrusted': ['filter', 'file', 'count', 'command'],
  'copy-failed': ['file'],
  'setup-failed': ['command', 'file', 'exit'],
  'install-failed': ['command', 'exit', 'install'],
  'agent-not-found': ['agent', 'install', 'command'],
  'start-failed': ['command', 'agent'],
  cancelled: ['command', 'remote', 'branch', 'ignored'],
  // sessions
  'not-running': ['phase', 'mode'],
  'already-running': ['phase'],
  'stop-failed': ['count', 'names', 'pids', 'runs'],
  'session-lost': [],
  // publish
  'no-remote': ['remote', 'repository'],
  'nothing-to-commit': [],
  'operation-in-progress': ['what', 'count'],
  'already-pushed': [],
  'nothing-to-push': ['branch'],
  'head-elsewhere': ['head', 'branch', 'command'],
  'remote-surprise': ['remote', 'actual', 'url', 'expected', 'transport'],
  'push-refused': ['remote', 'branch', 'command', 'exit', 'ignored'],
  'push-auth': ['remote', 'branch', 'url', 'command', 'exit', 'ignored'],
  'push-timeout': ['remote', 'branch', 'seconds', 'command', 'ignored'],
  'pr-failed': ['url'],
  // review
  'changed-since': ['names', 'count'],
  // remove, restore, purge
  'consent-needed': ['names', 'facts', 'consent'],
  'consent-stale': ['names', 'facts', 'consent'],
  'would-lose': ['names', 'facts'],
  'in-use': ['what', 'count', 'names', 'suggestion', 'address', 'port', 'runs', 'command', 'exit'],
  'no-trash': ['suggestion'],
  'trash-missing': [],
  'partly-deleted': ['what', 'count', 'names', 'bytes'],
  'restore-conflict': ['branch', 'suggestion'],
  'not-ours': [],
  // the machine
  'permission-denied': ['command', 'exit', 'port'],
  'no-space': ['freeBytes', 'command', 'exit'],
  'low-disk': ['freeBytes', 'neededBytes'],
  'read-only': ['command', 'exit'],
  'disk-error': ['command', 'exit'],
  'too-many-files': ['command', 'exit'],
  unsupported: ['command', 'exit'],
  // host and store
  'host-unreachable': ['log'],
  'host-starting': [],
  'keeper-unreachable': ['log'],
  'protocol-mismatch': ['client', 'host', 'clientVersion', 'older'],
  'connection-lost': [],
  'database-corrupt': ['movedTo'],
  'database-newer': ['found', 'known'],
  'too-large': ['what', 'bytes', 'max', 'limit', 'command'],
  timeout: ['what', 'seconds'],
  internal: [],
  /** A code that only a newer Coppice knows; its name is in the detail. */
  unknown: ['code'],
} as const satisfies Readonly<Record<string, readonly Key[]>>

export type FailureCode = keyof typeof failureDetails

/** The keys that a detail of this code may have. */
export type DetailKey<C extends FailureCode> = (typeof failureDetails)[C][number] | (typeof always)[number]
/** What a detail of this code holds. */
export type DetailOf<C extends FailureCode> = { readonly [K in DetailKey<C>]?: z.output<(typeof keys)[K]> }
/** A detail of whatever code. */
export type FailureDetail = { readonly [K in Key]?: z.output<(typeof keys)[K]> }

// What a newer build adds is kept as it is, as long as it is plain: the journal's view shows it, and no sentence reads it.
const plain = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])

/** A detail as it came over the wire or out of the journal, as far as it is understood: never throws, whatever it is. */
export function readDetail(raw: unknown): FailureDetail {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return {}
  const known: Record<string, z.ZodType> = keys
  return Object.fromEntries(
    Object.entries(raw).flatMap(([key, value]) => {
      const read = (Object.hasOwn(known, key) ? known[key]! : plain).safeParse(value)
      return read.success && read.data !== undefined ? [[key, read.data]] : []
    }),
  )
}
