// Which changes the page shows: everything since the base, what is not committed, or one commit.
import { useEffect, useState } from 'react'
import type { CommandOutput } from '../../app/contract/commands/index.ts'
import { call } from '../client/replica.ts'
import { line } from '../parts/words.ts'
import { showScope, useReview } from './review-store.ts'

type Commits = CommandOutput<'review.commits'>['commits']

export function ScopeChoice({ runId }: { runId: string }) {
  const scope = useReview((review) => review.scope)
  const head = useReview(({ changes }) => changes?.head ?? null)
  const [commits, setCommits] = useState<Commits>([])
  // biome-ignore lint/correctness/useExhaustiveDependencies: another HEAD means other commits.
  useEffect(() => {
    let current = true
    call('review.commits', { runId }).then(
      (found) => current && setCommits(found.commits),
      () => current && setCommits([]),
    )
    return () => {
      current = false
    }
  }, [runId, head])
  const value = scope.kind === 'commit' ? scope.sha : scope.kind
  return (
    <select
      className="input scope-choice"
      aria-label="Changes to show"
      value={value}
      onChange={({ target }) =>
        showScope(
          target.value === 'base' || target.value === 'uncommitted'
            ? { kind: target.value }
            : { kind: 'commit', sha: target.value },
        )
      }
    >
      <option value="base">All changes</option>
      <option value="uncommitted">Not committed</option>
      {commits.length > 0 && (
        <optgroup label="Commits">
          {commits.map(({ sha, subject }) => (
            <option key={sha} value={sha}>
              {sha.slice(0, 7)} {line(subject, 60)}
            </option>
          ))}
        </optgroup>
      )}
    </select>
  )
}
