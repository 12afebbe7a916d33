// The files of a commit and what they hold, read in one git process each however many there are. Paths are git's own, from the
// root of the tree; a link is a file whose text is where it leads.
import { type GitContext, git } from '../exec.ts'

export interface TreeFile {
  readonly blob: string
  readonly link: boolean
  readonly bytes: number
}

/** Every file of a commit by its path. Submodules are left out: they are not checked out. */
export async function treeFiles(
  context: GitContext,
  directory: string,
  commit: string,
): Promise<ReadonlyMap<string, TreeFile>> {
  const { stdout } = await git(context, directory, ['ls-tree', '-r', '-l', '-z', '--full-tree'], { operands: [commit] })
  const files = new Map<string, TreeFile>()
  for (const line of stdout.toString('utf8').split('\0')) {
    const entry = /^(\d+) blob ([0-9a-f]+) +(\d+)\t(.*)$/s.exec(line)
    if (entry) files.set(entry[4]!, { blob: entry[2]!, link: entry[1] === '120000', bytes: Number(entry[3]) })
  }
  return files
}

/** The content of blobs by their name. */
export async function readBlobs(
  context: GitContext,
  directory: string,
  blobs: readonly string[],
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>()
  if (blobs.length === 0) return found
  const { stdout } = await git(context, directory, ['cat-file', '--batch'], { input: `${blobs.join('\n')}\n` })
  let at = 0
  for (const blob of blobs) {
    const end = stdout.indexOf(0x0a, at)
    const size = Number(/ blob (\d+)$/.exec(stdout.toString('latin1', at, end))?.[1])
    // Missing (a partial clone that is offline): absent in the answer, and the caller says so.
    if (Number.isNaN(size)) {
      at = end + 1
      continue
    }
    found.set(blob, Buffer.from(stdout.subarray(end + 1, end + 1 + size)))
    at = end + 1 + size + 1
  }
  return found
}
