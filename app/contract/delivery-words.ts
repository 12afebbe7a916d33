// How far a run's commits have come, in the words that every client shows: on this machine only, on the remote, in a pull request.
import type { Live, Run } from '../model/run.ts'
import { plainText } from '../model/text/text.ts'
import { counted } from '../model/text/units.ts'

/**
 * "not pushed", "pushed to origin, 2 newer commits not pushed", "pull request open". Counts commits that no remote branch has, so a
 * branch that somebody else pushed is not called unpushed.
 */
export function deliveryText(run: Run, live: Live | undefined): string {
  const unpushed = live?.unpushed?.value ?? null
  const newer = unpushed ? `, ${counted(unpushed, 'newer commit')} not pushed` : ''
  switch (run.delivery.state) {
    case 'local':
      if (unpushed === 0 && live?.ahead?.value) return 'on a remote branch already'
      return live?.ahead?.value === 0 ? 'nothing to push' : 'not pushed'
    case 'pushed':
      return `pushed to ${plainText(run.delivery.remote ?? 'the remote', 200)}${newer}`
    case 'pull-request':
      return `pull request open${newer}`
    case 'merged':
      return `merged${newer}`
    case 'closed':
      return `pull request closed${newer}`
  }
}
