// An approval as a person reads it, the same in the window and in the CLI: the question, the exact content, and what each answer
// does. Pure. The content is hostile: whoever shows it treats it as text, and never shortens what a person is asked to allow.
import type { ApprovalRequest, ApprovalState } from '../model/approval.ts'
import { assertNever } from '../model/failure.ts'
import { plainText } from '../model/text/text.ts'

export interface ApprovalWords {
  /** One sentence. */
  readonly question: string
  /** The exact content, one line of plain text each: the command first, then what it may run. */
  readonly content: readonly string[]
  readonly allow: string
  readonly deny: string
}

const maxLine = 16_384

export function approvalWords(request: ApprovalRequest): ApprovalWords {
  const source = plainText(request.source, 200)
  const command = request.command.split('\n').map((text) => plainText(text, maxLine))
  switch (request.kind) {
    case 'setup':
      return {
        question: `Run the set-up command from ${source} in the new worktree?`,
        content: command,
        allow: 'Run it',
        deny: 'Continue without it',
      }
    case 'install':
      return {
        question: `Install the packages of ${source}? This runs code from the repository and its packages.`,
        content: [...command, ...request.runs.map((text) => plainText(text, maxLine))],
        allow: 'Install',
        deny: 'Continue without it',
      }
    default:
      return assertNever(request)
  }
}

/** "Set-up", "Install": what kind of thing is asked about. */
export function approvalKindWord(kind: ApprovalRequest['kind']): string {
  return kind === 'setup' ? 'Set-up' : 'Install'
}

export const approvalStateWord: Readonly<Record<ApprovalState, string>> = {
  pending: 'Waiting for you',
  allowed: 'Allowed',
  denied: 'Denied',
  expired: 'Expired',
}
