// Finds and ends the processes that belong to a run. A process is named by its pid and its start time, never by its pid alone. It
// belongs to a run if it descends from a root, is in a session or group that one of them leads, or has the run's mark
// (COPPICE_MARK) in its environment. It promises to signal nothing else: in doubt, no kill. What can escape: a process that left
// the session, lost its parent AND cleared its environment between two scans, unless the caller sampled it before (`sample`).
// Delegated cgroups would close that gap and are not used (docs/decisions/0005). Only Linux is supported; elsewhere `ps` is asked,
// which shows no environment and no cwd.
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { runProgram } from './run-program.ts'

export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot (field 22 of /proc/PID/stat); elsewhere seconds since 1970. Only compared for equality. */
  readonly startTime: number
}

export interface ProcessEntry extends ProcessIdentity {
  readonly ppid: number
  readonly pgid: number
  readonly sid: number
  /** The program's short name, as the kernel keeps it: at most 15 bytes, hostile text. */
  readonly name: string
  /** One letter of /proc/PID/stat: Z and X are dead already. */
  readonly state: string
  /** COPPICE_MARK in the environment it was started with; null where it has none, cannot be read, or was not asked for. */
  readonly mark: string | null
}

export interface Tree {
  readonly roots: readonly ProcessIdentity[]
  /** The full value of COPPICE_MARK. */
  readonly mark: string
  /** Identities seen in this tree before: they are part of it wherever they have moved to since. */
  readonly sample?: readonly ProcessIdentity[]
  /** Pids that are never taken, nor anything found only through them: the keeper's. This process always is one. */
  readonly spare?: readonly number[]
}

export interface StopOptions extends Tree {
  /** Milliseconds between TERM and KILL. Default 2000. */
  readonly graceMs?: number
  /** Milliseconds that KILL is repeated for before survivors are reported. Default 3000. */
  readonly killMs?: number
}

export interface ProcessInside extends ProcessIdentity {
  readonly name: string
}

export interface Insiders {
  readonly inside: readonly ProcessInside[]
  /** Processes of this user whose directory the kernel does not show: unknown, not absent. */
  readonly unreadable: readonly ProcessInside[]
  /** The same of other users: no one but root can look there. */
  readonly unreadableOthers: number
}

// Entries read before the event loop gets its turn: about 2 ms.
const BATCH = 64

/** Every process that can be seen, zombies included, with its mark if `marks`. Throws where the table cannot be read. */
export async function listProcesses(options: { readonly marks?: boolean } = {}): Promise<ProcessEntry[]> {
  if (process.platform !== 'linux') return listWithPs()
  const found: ProcessEntry[] = []
  for (const [index, pid] of pids().entries()) {
    const entry = readEntry(pid)
    if (entry) found.push(options.marks && !isDead(entry) ? { ...entry, mark: readMark(pid) } : entry)
    if (index % BATCH === BATCH - 1) await nextTurn()
  }
  return found
}

/** The identity of a pid as it is now, or null where there is no such process (a zombie counts as one until it is reaped). */
export function identify(pid: number): ProcessIdentity | null {
  if (process.platform !== 'linux') return null
  const entry = readEntry(pid)
  return entry ? { pid, startTime: entry.startTime } : null
}

/** True while that very process runs; false for a zombie, a pid that is free, and a pid that another process has now. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (process.platform !== 'linux') return canSignal(identity.pid)
  const entry = readEntry(identity.pid)
  return entry !== null && entry.startTime === identity.startTime && !isDead(entry)
}

/** Identifies this boot: start times are comparable within one boot only, so remembered roots of another one are void. */
export function bootId(): string | null {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? null
}

/**
 * The living processes of a tree, its living roots included. One `listProcesses({ marks: true })` given as `processes`
 * serves any number of trees.
 */
export async function descendants(tree: Tree, processes?: readonly ProcessEntry[]): Promise<ProcessEntry[]> {
  return membersOf(tree, processes ?? (await listProcesses({ marks: true })))
}

/**
 * Ends a tree: TERM to all of it, `graceMs` to leave, then it is frozen (STOP) until a scan finds nothing new, killed, and
 * scanned again until two scans in a row are empty. `survivors` is what the last scan still saw; empty means proven dead.
 * Throws where the process table cannot be read: then nothing is known.
 */
export async function stopTree(
  options: StopOptions,
): Promise<{ readonly ended: ProcessIdentity[]; readonly survivors: ProcessIdentity[] }> {
  const known = new Map<string, ProcessIdentity>()
  const scan = async (): Promise<ProcessEntry[]> => {
    const sample = [...(options.sample ?? []), ...known.values()]
    const members = membersOf({ ...options, sample }, await listProcesses({ marks: true }))
    for (const { pid, startTime } of members) known.set(keyOf({ pid, startTime }), { pid, startTime })
    return members
  }

  const told = new Set<string>()
  const graceEnds = performance.now() + (options.graceMs ?? 2000)
  let left = await scan()
  for (let pause = 40; left.length > 0 && performance.now() < graceEnds; pause = Math.min(320, pause * 2)) {
    for (const member of left) {
      if (told.has(keyOf(member))) continue
      told.add(keyOf(member))
      // A stopped process takes its TERM only when it is continued.
      if (signal(member, 'SIGTERM')) signal(member, 'SIGCONT')
    }
    // Looking at those few is cheap; the whole table is read again when they are gone, or now and then.
    const until = Math.min(performance.now() + pause, graceEnds)
    while (performance.now() < until && left.some(isAlive)) await sleep(15)
    left = await scan()
  }

  const killEnds = performance.now() + (options.killMs ?? 3000)
  for (let empty = left.length === 0 ? 1 : 0; empty < 2; ) {
    if (left.length > 0) {
      if (performance.now() > killEnds) break
      left = await freeze(left, scan, killEnds)
      for (const member of left) signal(member, 'SIGKILL')
    }
    await sleep(15)
    left = await scan()
    empty = left.length === 0 ? empty + 1 : 0
  }
  const survivors = left.map(({ pid, startTime }) => ({ pid, startTime }))
  const alive = new Set(survivors.map(keyOf))
  return { ended: [...known.values()].filter((identity) => !alive.has(keyOf(identity))), survivors }
}

/** Who stands in a directory or below it (cwd or root): they would lose their ground if it were moved. */
export async function processesInside(directory: string): Promise<Insiders> {
  const top = realpathSync(directory)
  const inside: ProcessInside[] = []
  const unreadable: ProcessInside[] = []
  let unreadableOthers = 0
  if (process.platform !== 'linux') return { inside, unreadable: [], unreadableOthers: 1 }
  for (const [index, pid] of pids().entries()) {
    if (index % BATCH === BATCH - 1) await nextTurn()
    const entry = readEntry(pid)
    if (!entry || isDead(entry)) continue
    const places = ['cwd', 'root'].map((link) => readLink(`/proc/${pid}/${link}`))
    if (places.some((place) => typeof place === 'string' && isWithin(place, top)))
      inside.push({ pid, startTime: entry.startTime, name: entry.name })
    else if (places.includes(null)) {
      if (ownerOf(pid) === process.getuid?.()) unreadable.push({ pid, startTime: entry.startTime, name: entry.name })
      else unreadableOthers++
    }
  }
  return { inside, unreadable, unreadableOthers }
}

// Ticks of a start time in a second, for every architecture that programs see (USER_HZ, proc(5)).
const ticksPerSecond = 100

/** Those of them that were started at `since` (milliseconds since 1970) or later; all of them where the kernel does not say when it booted. */
export function startedSince<T extends ProcessIdentity>(processes: readonly T[], since: number): T[] {
  const booted = /^btime (\d+)$/m.exec(processes.length === 0 ? '' : readProc('/proc/stat'))?.[1]
  if (booted === undefined) return [...processes]
  // btime is in whole seconds, so the boundary is a second wide.
  return processes.filter(({ startTime }) => (Number(booted) + 1 + startTime / ticksPerSecond) * 1000 >= since)
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/**
 * Who has one of these files open, by path (real and absolute). What the kernel does not show is left out, so that none is no proof
 * that nobody has it.
 */
export async function holdersOf(paths: readonly string[]): Promise<ReadonlyMap<string, readonly ProcessInside[]>> {
  const found = new Map<string, ProcessInside[]>()
  if (process.platform !== 'linux') return found
  for (const [index, pid] of pids().entries()) {
    if (index % BATCH === BATCH - 1) await nextTurn()
    const entry = readEntry(pid)
    if (!entry || isDead(entry)) continue
    const open = new Set(descriptorsOf(pid).map((name) => readLink(`/proc/${pid}/fd/${name}`)))
    for (const path of paths) {
      if (!open.has(path)) continue
      found.set(path, [...(found.get(path) ?? []), { pid, startTime: entry.startTime, name: entry.name }])
    }
  }
  return found
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
  } catch {
    return []
  }
}

/** Freezes what is there and what it made meanwhile, until a scan shows nothing that is not frozen: a fork bomb stands still. */
async function freeze(
  members: ProcessEntry[],
  scan: () => Promise<ProcessEntry[]>,
  deadline: number,
): Promise<ProcessEntry[]> {
  const frozen = new Set<string>()
  let now = members
  while (performance.now() < deadline) {
    const fresh = now.filter((member) => !frozen.has(keyOf(member)))
    if (fresh.length === 0) break
    for (const member of fresh) {
      frozen.add(keyOf(member))
      signal(member, 'SIGSTOP')
    }
    now = await scan()
  }
  return now
}

function membersOf(tree: Tree, all: readonly ProcessEntry[]): ProcessEntry[] {
  const spared = new Set([process.pid, 1, ...(tree.spare ?? [])])
  const candidates = all.filter((entry) => !spared.has(entry.pid))
  const byPid = new Map(candidates.map((entry) => [entry.pid, entry]))
  const taken = new Map<number, ProcessEntry>()
  // Leaders: pids whose children, session and group are ours, with the time since when. One that is dead still leads what
  // it left behind, as long as nobody else has its pid.
  const leaders = new Map<number, number>()
  const take = (entry: ProcessEntry): void => {
    taken.set(entry.pid, entry)
    leaders.set(entry.pid, entry.startTime)
  }
  for (const identity of [...tree.roots, ...(tree.sample ?? [])]) {
    if (spared.has(identity.pid)) continue
    const entry = byPid.get(identity.pid)
    if (!entry) leaders.set(identity.pid, identity.startTime)
    else if (entry.startTime === identity.startTime) take(entry)
  }
  for (const entry of candidates) if (tree.mark !== '' && entry.mark === tree.mark) take(entry)
  for (let grown = true; grown; ) {
    grown = false
    for (const entry of candidates) {
      if (taken.has(entry.pid)) continue
      // A member is never older than what it descends from: one that is belongs to an earlier owner of that pid.
      const ours = [entry.ppid, entry.sid, entry.pgid].some((pid) => (leaders.get(pid) ?? Infinity) <= entry.startTime)
      if (!ours) continue
      take(entry)
      grown = true
    }
  }
  return [...taken.values()].filter((entry) => !isDead(entry))
}

function readMark(pid: number): string | null {
  const start = 'COPPICE_MARK='
  const found = readText(`/proc/${pid}/environ`)
    ?.split('\0')
    .find((entry) => entry.startsWith(start))
  return found?.slice(start.length) ?? null
}

/** Sends a signal only if the pid is still that process. Node has no pidfd, so a gap of microseconds remains. */
function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false
  try {
    process.kill(identity.pid, name)
    return true
  } catch {
    return false
  }
}

function readEntry(pid: number): ProcessEntry | null {
  const text = readText(`/proc/${pid}/stat`)
  if (!text) return null
  // The name stands in brackets and may hold brackets and spaces itself: the last one ends it.
  const close = text.lastIndexOf(')')
  const fields = text.slice(close + 2).split(' ')
  const startTime = Number(fields[19])
  if (close < 0 || !Number.isFinite(startTime)) return null
  return {
    pid,
    startTime,
    name: text.slice(text.indexOf('(') + 1, close),
    state: fields[0] ?? '?',
    mark: null,
    ppid: Number(fields[1]),
    pgid: Number(fields[2]),
    sid: Number(fields[3]),
  }
}

async function listWithPs(): Promise<ProcessEntry[]> {
  if (process.platform === 'win32') throw new Error('The process table cannot be read on Windows yet')
  const { stdout, code } = await runProgram('/bin/ps', ['-axo', 'pid=,ppid=,pgid=,sess=,stat=,lstart=,comm='], {
    env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
    timeoutMs: 10_000,
  })
  if (code !== 0) throw new Error(`ps ended with ${code}`)
  return stdout
    .toString('utf8')
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.{24})\s+(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({
      pid: Number(match[1]),
      ppid: Number(match[2]),
      pgid: Number(match[3]),
      // macOS prints a session's kernel address here, which no pid equals.
      sid: Number(match[4]) || -1,
      state: match[5]!.charAt(0),
      mark: null,
      startTime: Date.parse(match[6]!) / 1000,
      name: match[7]!,
    }))
}

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)

const keyOf = ({ pid, startTime }: ProcessIdentity): string => `${pid}@${startTime}`

const isDead = (entry: ProcessEntry): boolean => entry.state === 'Z' || entry.state === 'X'

const isWithin = (path: string, top: string): boolean => {
  const place = path.replace(/ \(deleted\)$/, '')
  return place === top || place.startsWith(top.endsWith('/') ? top : `${top}/`)
}

function canSignal(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * The file's text, or null where the process is gone or not ours to look at. Throws for all else: with too many files open
 * nothing can be read, and a process that cannot be seen must not count as dead.
 */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

/** Where a link of /proc leads; undefined where the process is gone; null where the kernel does not say. */
function readLink(path: string): string | null | undefined {
  try {
    return readlinkSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ESRCH' ? undefined : null
  }
}

function ownerOf(pid: number): number | null {
  try {
    return statSync(`/proc/${pid}`).uid
  } catch {
    return null
  }
}
