// What a partial clone lacks. Its files can be checked out while a blame, a diff or an older commit needs an object that only the
// remote has: where the remote is away, that fails in the agent's hands.
import { type ConfigEntry, isRepositoryScope, lastValue, splitKey } from '../config-list.ts'
import { type GitContext, git } from '../exec.ts'

export interface MissingObjects {
  /** The remote that has promised them. */
  readonly remote: string
  readonly count: number
  /** False where only the newest commits were looked through. */
  readonly all: boolean
}

/** As far back as one look goes: some seconds in a large repository. */
const commits = 1_000

/** The objects of a commit's history that are not here, or null where the repository is a whole clone or has all of them. */
export async function missingObjects(
  context: GitContext,
  directory: string,
  configuration: readonly ConfigEntry[],
  commit: string,
): Promise<MissingObjects | null> {
  const entries = configuration.filter(isRepositoryScope)
  const promisor = entries.find(({ key, value }) => {
    const { section, name } = splitKey(key)
    return section === 'remote' && name === 'promisor' && value !== 'false'
  })
  const remote =
    lastValue(entries, 'extensions.partialclone') ?? (promisor ? splitKey(promisor.key).subsection : undefined)
  if (!remote) return null
  let count = 0
  let rest = ''
  const args = ['rev-list', '--objects', '--no-object-names', '--missing=print', `--max-count=${commits}`]
  await git(context, directory, args, {
    revisions: [commit],
    maxStdoutBytes: 0,
    onStdout: (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (line.startsWith('?')) count++
    },
  })
  if (count === 0) return null
  const length = await git(context, directory, ['rev-list', '--count', `--max-count=${commits}`], {
    revisions: [commit],
  })
  return { remote, count, all: Number(length.stdout.toString('utf8')) < commits }
}
