import { expect, it } from 'vitest'
import { as, type Line, summary } from './recovery-report.ts'

const line = (result: Line['result'], kind?: Line['kind']): Line => ({ what: 'it', result, ...(kind ? { kind } : {}) })

it.each<[string, Line[], string]>([
  [
    'what was done, by what it is',
    [
      ...as('worktree', [line('repaired'), line('repaired')]),
      ...as('branch', [line('removed')]),
      ...as('lock', [line('repaired')]),
    ],
    'Recovered: 2 worktrees back in the list, 1 half-made branch removed, 1 lock cleared; nothing else was deleted.',
  ],
  [
    'what was left to a person apart',
    [line('repaired', 'interrupted'), line('listed', 'push'), line('refused'), line('refused')],
    'Recovered: 1 run interrupted, 1 thing listed and left alone, 2 things left undecided; nothing was deleted.',
  ],
  [
    'nothing of deletions where a purge was finished',
    [line('freed', 'purge'), line('repaired')],
    'Recovered: 1 entry of the trash deleted, as requested, 1 other thing fixed.',
  ],
  ['nothing', [], 'Nothing is left to fix.'],
])('counts %s', (_, report, text) => {
  expect(summary(report)).toBe(text)
})
