// git's configuration as `config --list` gives it, with the scope of each value, so that what the repository's own files say
// can be told apart from what the person and the system say. Pure: it parses, looks up and writes text.

export interface ConfigEntry {
  /** system, global and command are the person's; local and worktree lie in the repository, where an agent can write. */
  readonly scope: string
  /** Section and name in lower case, the subsection as written. */
  readonly key: string
  /** null for a key without "=", which git reads as true. */
  readonly value: string | null
}

/** Parses `git config --list -z --show-scope`: scope NUL key LF value NUL. */
export function parseConfigList(output: string): ConfigEntry[] {
  const fields = output.split('\0')
  const entries: ConfigEntry[] = []
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const pair = fields[index + 1]!
    const end = pair.indexOf('\n')
    entries.push({
      scope: fields[index]!,
      key: end < 0 ? pair : pair.slice(0, end),
      value: end < 0 ? null : pair.slice(end + 1),
    })
  }
  return entries
}

export function isRepositoryScope(entry: ConfigEntry): boolean {
  return entry.scope === 'local' || entry.scope === 'worktree'
}

/** "remote.a.b.url" as section remote, subsection a.b, name url. The subsection is null where there is none. */
export function splitKey(key: string): { section: string; subsection: string | null; name: string } {
  const first = key.indexOf('.')
  const last = key.lastIndexOf('.')
  return {
    section: key.slice(0, first),
    subsection: first === last ? null : key.slice(first + 1, last),
    name: key.slice(last + 1),
  }
}

/** The last value of a key, as git takes it for single-valued keys; undefined where it is not set, "true" where it has no "=". */
export function lastValue(entries: readonly ConfigEntry[], key: string): string | undefined {
  const found = entries.findLast((entry) => entry.key === key)
  return found && (found.value ?? 'true')
}

export function allValues(entries: readonly ConfigEntry[], key: string): string[] {
  return entries.filter((entry) => entry.key === key && entry.value !== null).map((entry) => entry.value!)
}

/** Entries as a configuration file that git reads back to the same values. Includes are left out: they are already followed. */
export function writeConfig(entries: readonly ConfigEntry[]): string {
  return entries
    .filter(({ key }) => !key.startsWith('include.') && !key.startsWith('includeif.'))
    .map(({ key, value }) => {
      const { section, subsection, name } = splitKey(key)
      const header = subsection === null ? `[${section}]` : `[${section} "${subsection.replace(/["\\]/g, '\\$&')}"]`
      return `${header}\n\t${name}${value === null ? '' : ` = ${quoteValue(value)}`}\n`
    })
    .join('')
}

function quoteValue(value: string): string {
  const escaped = value
    .replace(/[\\"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll('\b', '\\b')
  return `"${escaped}"`
}
