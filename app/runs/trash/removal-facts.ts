// A removal's inspection as the facts that a person reads: counted, a few names each, what exists only here marked as such. A part
// that could not be found out is a fact with `count: null` and the reason. Pure.
import type { RemovalFact } from '../../contract/commands/cleanup.ts'
import type { NestedRepository } from '../../git/inspect/nested.ts'
import type { Part, RemovalInspection } from '../../git/inspect/removal.ts'
import { ageText, bytesText, counted } from '../../model/text/units.ts'

type Kind = RemovalFact['kind']
type Known<T> = Extract<Part<T>, { readonly known: true }>

/** The facts of an inspection, in the order in which they matter; counts of zero are left in, so that a consent covers them. */
export function removalFacts(found: RemovalInspection, ownLock: string): RemovalFact[] {
  const precious = joined(found.untracked, found.ignored)
  return [
    fact('commits', 'commits', found.commits, (part) => ({
      count: part.onlyHere,
      text: `${counted(part.onlyHere, 'commit that exists', 'commits that exist')} nowhere else`,
      names: part.subjects,
    })),
    fact('staged', 'staged files', found.staged, (part) => ({
      count: part.count,
      text: `${counted(part.count, 'file')} staged`,
      names: part.names,
    })),
    fact('unstaged', 'changed files', found.unstaged, (part) => ({
      count: part.count,
      text: `${counted(part.count, 'file')} not committed`,
      names: part.names,
    })),
    fact('unstaged', 'conflicts', found.conflicted, (part) => ({
      count: part.count,
      text: `${counted(part.count, 'file')} in conflict`,
      names: part.names,
    })),
    fact('untracked', 'untracked files', found.untracked, (part) => ({
      count: part.count,
      text: `${counted(part.count, 'file')} not tracked${part.hiddenByConfig ? ' (hidden by status.showUntrackedFiles)' : ''}`,
      names: part.names,
      bytes: part.bytes,
    })),
    fact('precious', 'ignored files', precious, (part) => ({
      count: part.names.length,
      text: `${counted(part.names.length, "ignored file that can't be regenerated", "ignored files that can't be regenerated")}`,
      names: part.names,
    })),
    {
      ...fact('ignored', 'ignored files', found.ignored, (part) => ({
        count: part.count,
        text: `${counted(part.count, 'ignored file')}${part.bytes > 0 ? `, ${bytesText(part.bytes)}` : ''}${part.rebuildable.length > 0 ? ` (and ${part.rebuildable.map(({ path }) => path).join(', ')}, which can be made again)` : ''}`,
        names: part.names,
        bytes: part.bytes,
      })),
    },
    fact('hidden-edits', 'edits hidden from git', found.hiddenEdits, (part) => ({
      count: part.count,
      text: `${counted(part.count, 'edit')} hidden by skip-worktree or assume-unchanged`,
      names: part.names,
    })),
    fact('nested-repositories', 'repositories inside', found.nested, (part) =>
      repositories(part.repositories, 'repository', 'inside'),
    ),
    fact('submodules', 'submodules', found.submodules, (part) =>
      repositories(part.repositories.filter(hasWork), 'submodule', 'with work of its own'),
    ),
    fact('nested-repositories', 'worktrees inside', found.worktreesInside, (part) => ({
      count: part.count,
      text: `${counted(part.count, 'worktree')} inside`,
      names: part.names,
    })),
    fact('operation', 'operation in progress', found.operation, (part) => ({
      count: part.operation ? 1 : 0,
      text: part.operation ? `a ${part.operation} is in progress` : 'no operation in progress',
      names: part.operation ? [part.operation] : [],
    })),
    {
      ...fact('stashes', 'stashes', found.stashes, (part) => ({
        count: part.count,
        text: `${counted(part.count, 'stash', 'stashes')} that seem to be of this branch (a guess); they stay in the repository`,
        names: part.names,
      })),
      onlyHere: false,
    },
    fact('locks', 'locks', found.locks, (part) => ({
      count: part.files.length,
      text: `${counted(part.files.length, 'lock file')} of git, the youngest ${ageText(youngest(part.files))} old: git may still be running`,
      names: part.files.map(({ path, holders }) =>
        holders.length > 0 ? `${path} (open in ${holders.join(', ')})` : `${path} (no process is seen to have it open)`,
      ),
    })),
    fact('locks', "git's lock of the worktree", found.locks, ({ reason }) => ({
      count: reason === null || reason === ownLock ? 0 : 1,
      text: 'locked by somebody else (git worktree lock)',
      names: reason === null || reason === ownLock ? [] : [reason === '' ? 'without a reason' : reason],
    })),
  ]
}

/** A part that could not be found out. */
export function unknownFact(kind: Kind, text: string, why: string): RemovalFact {
  return { kind, count: null, text, names: [], onlyHere: true, why }
}

const maxNames = 50

interface Said {
  readonly count: number | null
  readonly text: string
  readonly names: readonly string[]
  readonly bytes?: number
  readonly why?: string
}

function fact<T>(kind: Kind, subject: string, part: Part<T>, say: (part: Known<T>) => Said): RemovalFact {
  if (!part.known) return unknownFact(kind, `Unknown: ${subject}`, part.why)
  const { count, text, names, bytes, why } = say(part)
  // Ignored files of no importance are counted and shown, and go to the trash, but ask nobody.
  return {
    kind,
    count,
    text,
    // A consent covers them, and a frame carries them: a few are for the eye, the count is exact.
    names: names.slice(0, maxNames),
    bytes: bytes ?? null,
    onlyHere: kind !== 'ignored',
    ...(why ? { why } : {}),
  }
}

function joined(
  untracked: RemovalInspection['untracked'],
  ignored: RemovalInspection['ignored'],
): Part<{ readonly names: readonly string[] }> {
  if (!untracked.known) return untracked
  if (!ignored.known) return ignored
  return { known: true, names: [...untracked.precious, ...ignored.precious] }
}

/** One that cannot be read makes the count of all unknown: what it holds is nobody's guess. */
function repositories(found: readonly NestedRepository[], word: string, where: string): Said {
  const text = `${counted(found.length, word, word === 'repository' ? 'repositories' : `${word}s`)} ${where}`
  const unreadable = found.find(({ dirty, unpushed }) => dirty === null || unpushed === null)
  const names = found.map(
    ({ path, dirty, unpushed }) => `${path} (${dirty ?? 'unknown'} changed, ${unpushed ?? 'unknown'} unpushed)`,
  )
  if (unreadable)
    return {
      count: null,
      text: `Unknown: ${text}`,
      names,
      why: `${unreadable.path}: ${unreadable.why ?? 'unreadable'}`,
    }
  return { count: found.length, text, names }
}

const youngest = (files: readonly { readonly ageMs: number }[]): number | null =>
  files.length === 0 ? null : Math.min(...files.map(({ ageMs }) => ageMs))

const hasWork = ({ dirty, unpushed }: NestedRepository): boolean => dirty !== 0 || unpushed !== 0
