// One line for each entry of the journal, with its icon. Pure; the texts inside are hostile and shortened.
import { approvalKindWord, approvalStateWord } from '../../app/contract/approval-words.ts'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { lookOfEnd } from '../../app/model/attention.ts'
import type { Event } from '../../app/model/event.ts'
import type { Intent } from '../../app/model/run.ts'
import { bytesText, counted, dateText } from '../../app/model/text/units.ts'
import type { IconName } from '../parts/Icon.tsx'
import { line, looks, stageName } from '../parts/words.ts'

export interface EventWords {
  readonly icon: IconName
  readonly text: string
  /** The colour role, as a tile's data-state. */
  readonly state: string
}

export function eventText(event: Event): EventWords {
  const say = (icon: IconName, text: string, state = 'queued'): EventWords => ({ icon, text: line(text, 300), state })
  switch (event.type) {
    case 'repository-added':
      return say('repo', `Repository ${event.repository.name} added`)
    case 'repository-moved':
      return say('repo', `Repository found again at ${event.path}`)
    case 'repository-presence':
      return event.presence === 'present'
        ? say('repo', 'Repository is available again')
        : say('stalled', 'Repository is not available', 'stalled')
    case 'repository-remotes':
      return say('repo', 'Addresses of its remotes recorded')
    case 'repository-trusted':
      return say('lock', event.trusted ? 'Repository trusted' : 'Trust withdrawn')
    case 'repository-forgotten':
      return say('repo', 'Repository removed from the list')
    case 'setup-approved':
      return say('permission', `Set-up approved: ${event.command}`)
    case 'approval-requested':
      return say(
        'permission',
        `Asks: ${approvalKindWord(event.approval.request.kind)}: ${event.approval.request.command}`,
        'permission',
      )
    case 'approval-decided':
      return say('permission', `${approvalStateWord[event.decision]} (${event.hash.slice(0, 10)})`)
    case 'approval-expired':
      return say('permission', `Question withdrawn: ${event.why}`)
    case 'settings-changed':
      return say('settings', 'Settings changed')
    case 'run-queued':
      return say('queued', `Asked for: ${event.run.title}`)
    case 'run-preparing':
      return say('installing', 'Preparing')
    case 'base-resolved':
      return say('commit', `Base is ${event.resolvedBase} at ${event.baseCommit.slice(0, 7)}`)
    case 'stage-changed': {
      const { record } = event
      const state = record.status === 'failed' ? 'failed' : record.status === 'done' ? 'finished' : 'queued'
      const icon = record.status === 'failed' ? 'failed' : record.status === 'running' ? 'installing' : 'check'
      return say(
        icon,
        `${record.text || stageName(record.stage)}${record.status === 'done' ? '' : `: ${record.status}`}`,
        state,
      )
    }
    case 'intended':
      return say('queued', `${intentWords[event.intent.kind]}${agreedIn(event.intent)}`)
    case 'worktree-made':
      return say('folder', 'Worktree created')
    case 'run-noted':
      return say('commit', event.notes.join(' '))
    case 'create-undone':
      return say('undo', 'Unfinished changes were undone')
    case 'run-failed':
      return say('failed', sentenceOf(event.failure).message, 'failed')
    case 'run-cancelled':
      return say('cancelled', 'Cancelled')
    case 'run-interrupted':
      return say('interrupted', `Interrupted while ${event.during}`, 'stalled')
    case 'hunks-reviewed':
      return say(
        'check',
        `${counted(event.hunks, 'hunk')} in ${filesOf(event)} ${event.reviewed ? 'marked as reviewed' : 'no longer marked as reviewed'}`,
      )
    case 'changes-discarded':
      return say(
        'undo',
        `${counted(event.discard.hunks, 'hunk')} in ${filesOf({ files: event.discard.files, names: event.names })} discarded`,
      )
    case 'discard-undone':
      return say('undo', `What was discarded in ${counted(event.files, 'file')} brought back`)
    case 'run-renamed':
      return say('edit', `Renamed to ${event.title}`)
    case 'run-reviewed':
      return say('reviewed', event.reviewed ? 'Marked as reviewed' : 'Marked as not reviewed')
    case 'attempt-starting':
      return say('demo', `Attempt ${event.attempt.number} is starting`)
    case 'attempt-started':
      return say('demo', `Attempt ${event.number} runs as process ${event.pid}`, 'working')
    case 'agent-session-found':
      return say('commit', `The agent's own session is ${event.agentSession}`)
    case 'attempt-ended': {
      const why =
        event.outcome?.reason ?? (event.exit ? (event.exit.signal ?? `exit ${event.exit.code}`) : 'end unknown')
      const { icon, state } = looks[event.phase === 'exited' ? lookOfEnd(event) : event.phase]
      return say(icon, `Attempt ${event.number} ${event.phase}: ${why}`, state)
    }
    case 'side-session-opening':
      return say('demo', `Session ${event.side.number} is opening: ${event.side.title}`)
    case 'side-session-opened':
      return say('demo', `Session ${event.number} runs as process ${event.pid}`, 'working')
    case 'side-session-ended':
      return say('stop', `Session ${event.number} ended: ${event.exit ? endText(event.exit) : 'end unknown'}`)
    case 'side-session-closed':
      return say('remove', `Session ${event.number} closed`)
    case 'run-stopping':
      return say('stop', 'Stopping')
    case 'comment-added':
      return say('edit', `Comment on ${event.comment.path}:${event.comment.start}`)
    case 'comment-edited':
      return say('edit', 'Comment changed')
    case 'comment-dropped':
      return say('remove', 'Comment dropped')
    case 'comments-sent':
      return say('publish', `${counted(event.commentIds.length, 'comment')} sent to the agent`, 'finished')
    case 'commit-ended':
      return event.failure
        ? say('failed', sentenceOf(event.failure).message, 'failed')
        : say('commit', event.sha ? `Committed ${event.sha.slice(0, 10)}` : 'Nothing was committed', 'finished')
    case 'push-ended':
      return event.failure
        ? say('failed', sentenceOf(event.failure).message, 'failed')
        : say('publish', `Pushed to ${event.delivery?.remote ?? 'the remote'}`, 'finished')
    case 'pull-request-opened':
      return say('pr', `Pull request opened: ${event.url}`, 'finished')
    case 'remove-ended':
      return event.failure
        ? say('failed', sentenceOf(event.failure).message, 'failed')
        : say('remove', 'Moved to the trash')
    case 'restore-ended':
      return event.failure
        ? say('failed', sentenceOf(event.failure).message, 'failed')
        : say('undo', 'Restored from the trash', 'finished')
    case 'trash-kept':
      return say('undo', `Kept in the trash until ${dateText(event.purgeAt)}`)
    case 'trash-trimmed':
      return say('remove', `Trash trimmed: ${event.dropped.join(', ')}, ${bytesText(event.freedBytes)} freed`)
    case 'purge-ended':
      return event.failure
        ? say('failed', sentenceOf(event.failure).message, 'failed')
        : say('remove', `Deleted permanently: ${bytesText(event.freedBytes)}`)
    case 'worktree-presence':
      return say('folder', `Worktree is ${event.presence}`, event.presence === 'missing' ? 'stalled' : 'queued')
    case 'recovered':
      return say('resume', event.text, 'finished')
    default:
      return say('queued', 'An event of a newer version of Coppice')
  }
}

const endText = ({ code, signal }: { code: number | null; signal: string | null }) => signal ?? `exit ${code}`

const intentWords = {
  worktree: 'Creating the worktree',
  start: 'Starting the agent',
  stop: 'Stopping the agent',
  commit: 'Commit started',
  push: 'Push started',
  remove: 'Moving to the trash',
  restore: 'Restoring from the trash',
  purge: 'Deleting permanently',
} as const

function agreedIn(intent: Intent): string {
  if ((intent.kind !== 'remove' && intent.kind !== 'purge') || !intent.agreed) return ''
  return `; ${intent.forced ? 'forced, ' : ''}confirmed: ${intent.agreed.join('; ')}`
}

/** The count, and the first few names in brackets. */
function filesOf({ files, names }: { readonly files: number; readonly names: readonly string[] }): string {
  const shown = names.slice(0, 3).join(', ')
  return `${counted(files, 'file')}${shown === '' ? '' : ` (${shown}${files > 3 ? ' …' : ''})`}`
}
