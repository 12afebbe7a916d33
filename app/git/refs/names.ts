// What a short name means. git takes the first of several refs in silence (a tag before a branch, a local branch before a remote's);
// here a name is a full ref, or it is refused with everything that it may mean.
import { fail } from '../../model/failure.ts'
import { type GitContext, gitText } from '../exec.ts'

/** The refs that git would look for behind a name, in its own order (gitrevisions(7)). */
const meanings = (name: string): string[] => [
  ...(name.startsWith('refs/') ? [name] : []),
  `refs/${name}`,
  `refs/tags/${name}`,
  `refs/heads/${name}`,
  `refs/remotes/${name}`,
  `refs/remotes/${name}/HEAD`,
]

/** Those of `names`' meanings that exist. */
async function existing(context: GitContext, directory: string, refs: readonly string[]): Promise<string[]> {
  // A name with glob characters would be a pattern; no ref holds one.
  const operands = refs.filter((ref) => !/[*?[\]\\\p{Cc}]/u.test(ref))
  const text = await gitText(context, directory, ['for-each-ref', '--format=%(refname)'], { operands })
  const found = new Set(text.split('\n'))
  return refs.filter((ref) => found.has(ref))
}

/**
 * A revision with its name in full: "main~2" as "refs/heads/main~2". Commits, HEAD and what names no ref stay as they are. Throws
 * `bad-input` where the name means several refs, naming all of them.
 */
export async function fullRevision(context: GitContext, directory: string, revision: string): Promise<string> {
  const name = /^(?:(?!@\{|\^|~|:|\.\.).)+/su.exec(revision)?.[0] ?? ''
  if (name === '' || name === 'HEAD' || name === '@' || name.startsWith('-') || !name.isWellFormed()) return revision
  // git looks for a full name first, and nothing else is as likely to be meant by it.
  if (name.startsWith('refs/')) return revision
  const [only, ...others] = await existing(context, directory, meanings(name))
  if (only === undefined) return revision
  if (others.length > 0) {
    const all = [only, ...others]
    const said = all.map((ref) => `${kindOf(ref)} ${ref}`).join(', ')
    throw fail('bad-input', {
      field: 'base',
      names: all,
      message: `"${name}" may mean ${said}; give the one you mean in full`,
    })
  }
  return only + revision.slice(name.length)
}

function kindOf(ref: string): string {
  if (ref.startsWith('refs/heads/')) return 'the branch'
  if (ref.startsWith('refs/tags/')) return 'the tag'
  return ref.startsWith('refs/remotes/') ? 'the remote branch' : 'the ref'
}

/**
 * Why a new branch of that name would make another ref hard to name, as the end of a sentence; null where it would not. Git would take
 * the branch for the other ref, or the other way round, in the person's own checkout too.
 */
export async function hidesAnother(
  context: GitContext,
  directory: string,
  branch: string,
  remotes: readonly { readonly name: string }[],
): Promise<string | null> {
  if (branch.startsWith('refs/')) return 'it reads like the full name of a ref'
  if (/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/i.test(branch)) return 'it reads like the name of a commit'
  if (/^[A-Z]*_?HEAD$/.test(branch)) return "it is one of git's own names"
  const remote = remotes.find(({ name }) => branch === name || branch.startsWith(`${name}/`))
  if (remote) return `it would hide the branches of the remote ${remote.name}`
  const own = `refs/heads/${branch}`
  const [found] = await existing(
    context,
    directory,
    meanings(branch).filter((ref) => ref !== own),
  )
  return found === undefined ? null : `it would hide ${found}`
}
