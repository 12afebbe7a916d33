// Pipes, sockets and devices where git reads a file: git opens them without looking, and waits for ever. What lies at the usual places is
// looked at before any git starts; the rest (a .gitignore in some folder, a ref) is looked for as soon as a git takes long, and that git
// is ended then. Either way the file is named. It runs no git.
import { type Stats, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, lstatOrNull } from '../disk/files.ts'
import { type CoppiceFailure, fail } from '../model/failure.ts'
import { type Checkout, locateCheckout } from './worktree/checkout.ts'

const ofRepository = [
  'HEAD',
  'config',
  'config.worktree',
  'packed-refs',
  'shallow',
  'info/exclude',
  'info/attributes',
  'info/grafts',
  'info/sparse-checkout',
  'objects/info/alternates',
]
const ofEntry = ['HEAD', 'index', 'config.worktree', 'commondir', 'gitdir', 'info/sparse-checkout', 'logs/HEAD']
const ofTree = ['.gitattributes', '.gitignore', '.gitmodules', '.mailmap']

/** Milliseconds after which a git is slow enough to ask what it waits for. Reading fifty worktrees takes less. */
const patienceMs = 1_500
/** A search ends here: a tree of this size is slow by itself. */
const maxEntries = 300_000

/** The checkout at a directory, or null where there is none that can be told. */
export function checkoutAt(directory: string): Checkout | null {
  try {
    return locateCheckout(directory)
  } catch {
    return null
  }
}

/** Throws `state-unknown`, naming the file, where git would read something that is no file. */
export function refuseSpecialFiles(checkout: Checkout): void {
  const inGit = [
    ...ofRepository.map((name) => join(checkout.commonDir, name)),
    ...ofEntry.map((name) => join(checkout.adminDir, name)),
  ]
  for (const path of inGit) {
    const facts = followed(path)
    if (facts && isSpecial(facts)) throw refusal(path)
  }
  // git does not follow links to these (2.32).
  for (const name of ofTree) {
    const path = join(checkout.worktree, name)
    const facts = lstatOrNull(path)
    if (facts && isSpecial(facts)) throw refusal(path)
  }
}

/** Runs `work`, which runs a git; ends it by the signal where it is slow and a special file lies in its way, and throws that one's name. */
export async function withoutSpecialFiles<T>(
  checkout: Checkout,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stuck = new AbortController()
  const done = new AbortController()
  let found: string | null = null
  const timer = setTimeout(() => {
    find(checkout, done.signal).then(
      (path) => {
        if (path === null || done.signal.aborted) return
        found = path
        stuck.abort()
      },
      // What cannot be searched stays to git's own time limit.
      () => {},
    )
  }, patienceMs)
  try {
    return await work(signal ? AbortSignal.any([signal, stuck.signal]) : stuck.signal)
  } catch (error) {
    if (found !== null && !signal?.aborted) throw refusal(found)
    throw error
  } finally {
    clearTimeout(timer)
    done.abort()
  }
}

async function find(checkout: Checkout, signal: AbortSignal): Promise<string | null> {
  let left = maxEntries
  const search = async (directory: string, counts: (name: string) => boolean): Promise<string | null> => {
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => [])
    const folders: string[] = []
    for (const entry of entries) {
      if (signal.aborted || --left < 0) return null
      const path = join(directory, entry.name)
      if (entry.isDirectory() && entry.name !== '.git') folders.push(path)
      else if (!entry.isFile() && !entry.isDirectory() && counts(entry.name)) {
        const facts = followed(path)
        if (facts && isSpecial(facts)) return path
      }
    }
    for (const folder of folders) {
      const path = await search(folder, counts)
      if (path !== null) return path
    }
    return null
  }
  for (const name of ['refs', 'logs']) {
    const path = await search(join(checkout.commonDir, name), () => true)
    if (path !== null) return path
  }
  return (
    (checkout.id === null ? null : await search(checkout.adminDir, () => true)) ??
    (await search(checkout.worktree, (name) => ofTree.includes(name)))
  )
}

function followed(path: string): Stats | null {
  try {
    return statSync(path)
  } catch (error) {
    // A link that leads in a circle or nowhere is git's to complain about.
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ELOOP') return null
    throw error
  }
}

/** /dev/null ends at once, and a link to it is an old way to switch a file off. */
function isSpecial(facts: Stats): boolean {
  if (facts.isCharacterDevice()) return facts.rdev !== followed('/dev/null')?.rdev
  return facts.isFIFO() || facts.isSocket() || facts.isBlockDevice()
}

function refusal(path: string): CoppiceFailure {
  return fail('state-unknown', {
    path,
    reason: 'special-file',
    message: `${path} is a pipe, a socket or a device where git reads a file; git would wait for it for ever`,
  })
}
