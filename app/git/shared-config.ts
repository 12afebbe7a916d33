// The part of a repository's shared configuration that decides how git works in every checkout of it. A hook or a script that an
// agent runs can change it for the person too, so it is remembered when a person adds the repository, and compared later.
// Left out is whatever may hold a secret (addresses, headers, credentials); remotes are compared apart.
import { shellWord } from '../model/shell-word.ts'
import type { ConfigEntry } from './config-list.ts'

export type SharedSettings = Readonly<Record<string, string>>

const telling =
  /^(core\.(bare|worktree|hookspath|sshcommand|fsmonitor|autocrlf|safecrlf|eol|filemode|ignorecase|symlinks|attributesfile|excludesfile|gitproxy|editor|pager|repositoryformatversion|sparsecheckout)|extensions\.[^.]+|user\.(name|email|signingkey)|(commit|tag|push)\.gpgsign|gpg\..+|filter\..+\.(clean|smudge|process|required)|(merge|diff)\..+\.(driver|command|textconv)|alias\..+)$/

/** The telling settings of the repository's own shared file, the last value of each. */
export function sharedSettings(entries: readonly ConfigEntry[]): SharedSettings {
  return Object.fromEntries(
    entries
      .filter(({ scope, key }) => scope === 'local' && telling.test(key))
      .slice(0, 500)
      .map(({ key, value }) => [key, (value ?? 'true').slice(0, 2_000)]),
  )
}

export interface SettingChange {
  readonly key: string
  /** null: it was not set, or is not any more. */
  readonly from: string | null
  readonly to: string | null
}

/** What differs, by key. */
export function settingChanges(before: SharedSettings, now: SharedSettings): SettingChange[] {
  const value = (settings: SharedSettings, key: string) => (Object.hasOwn(settings, key) ? (settings[key] ?? '') : null)
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .sort()
    .map((key) => ({ key, from: value(before, key), to: value(now, key) }))
    .filter(({ from, to }) => from !== to)
}

/** "core.bare is now "true" (it was "false")". */
export function changeText({ key, from, to }: SettingChange): string {
  const now = to === null ? 'is no longer set' : `is now "${to}"`
  return `${key} ${now} (it was ${from === null ? 'not set' : `"${from}"`})`
}

/** One command line for a shell that puts all of them back. */
export function putBackCommand(path: string, changes: readonly SettingChange[]): string {
  return changes
    .map(({ key, from }) => {
      const words = from === null ? ['--unset-all', key] : ['--replace-all', key, from]
      return ['git', '-C', path, 'config', ...words].map(shellWord).join(' ')
    })
    .join(' && ')
}
