import { describe, expect, it } from 'vitest'
import { failureFromStderr, lastLines, matchStderr, stderrParsers } from './stderr.ts'

describe('stderr', () => {
  it.each(stderrParsers)('"$name" reads its own sample and no other', (parser) => {
    expect(matchStderr(parser, parser.sample)).not.toBeNull()
    for (const other of stderrParsers) {
      if (other !== parser) expect(matchStderr(parser, other.sample), `${parser.name} reads ${other.name}`).toBeNull()
    }
  })

  it.each(stderrParsers)('"$name" becomes $code with git’s own words', (parser) => {
    const { failure } = failureFromStderr(parser.sample, 'worktree', 128)
    expect(failure.code).toBe(parser.code)
    expect(failure.retryable).toBe(parser.retryable ?? false)
    expect(failure.detail).toMatchObject({ message: lastLines(parser.sample), command: 'worktree', exit: 128 })
  })

  it('names what the message names', () => {
    expect(
      failureFromStderr("fatal: 'b1' is already used by worktree at '/w/it''s'\n", 'worktree', 128).failure,
    ).toMatchObject({
      code: 'branch-checked-out',
      detail: { branch: 'b1', path: "/w/it''s" },
    })
    expect(failureFromStderr("fatal: bad revision 'nope'\n", 'rev-list', 128).failure.detail).toMatchObject({
      base: 'nope',
    })
  })

  it('keeps the last lines of what it does not know, and drops hints', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `error: line ${index}`)
    const { failure } = failureFromStderr(`${lines.join('\n')}\nhint: try again\n`, 'fsck', 3)
    expect(failure.code).toBe('git-failed')
    expect(failure.detail?.message).toBe(lines.slice(-12).join('\n'))
  })

  it('says something where git said nothing', () => {
    expect(failureFromStderr('', 'status', 'SIGSEGV').failure.detail?.message).toBe(
      'git status ended with SIGSEGV and said nothing',
    )
  })
})
