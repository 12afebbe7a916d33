import { describe, expect, it } from 'vitest'
import { type Comment, findQuote, maxQuotedLine, maxQuotedLines, messageOf, quoteOf } from './comment.ts'

const comment = (change: Partial<Comment> = {}): Comment => ({
  id: 'c1',
  path: 'src/a.ts',
  side: 'new',
  start: 4,
  end: 4,
  quote: ['const x = 1'],
  text: 'Why 1?\n',
  createdAt: 1,
  sentAt: null,
  ...change,
})

describe('the message of comments', () => {
  it('names the file, the lines and what they say', () => {
    expect(messageOf([comment()])).toBe('Please address this review comment:\n\nsrc/a.ts:4\n> const x = 1\nWhy 1?')
    expect(
      messageOf([comment(), comment({ path: 'b.ts', start: 2, end: 3, quote: [], text: 'Both.', side: 'old' })]),
    ).toBe(
      'Please address these 2 review comments:\n\n1. src/a.ts:4\n> const x = 1\nWhy 1?\n\n2. b.ts:2-3 (the deleted lines)\nBoth.',
    )
  })
})

describe('a quote', () => {
  const lines = ['a', 'b', 'c', 'a', 'b', 'd']
  it('is found at the place nearest to where it was', () => {
    expect(findQuote(lines, ['a', 'b'], 1)).toBe(1)
    expect(findQuote(lines, ['a', 'b'], 4)).toBe(4)
    expect(findQuote(lines, ['a', 'b'], 6)).toBe(4)
    expect(findQuote(lines, ['b', 'd'], 1)).toBe(5)
  })
  it('is not found where a line differs, and never where it is empty', () => {
    expect(findQuote(lines, ['b', 'x'], 1)).toBeNull()
    expect(findQuote(lines, [], 1)).toBeNull()
    expect(findQuote([], ['a'], 1)).toBeNull()
  })
  it('is limited, and a long line is still found', () => {
    const long = 'x'.repeat(maxQuotedLine + 50)
    const quote = quoteOf([long, ...Array.from({ length: 40 }, (_, i) => String(i))])
    expect(quote).toHaveLength(maxQuotedLines)
    expect(quote[0]).toHaveLength(maxQuotedLine)
    expect(findQuote(['z', long, ...Array.from({ length: 40 }, (_, i) => String(i))], quote, 1)).toBe(2)
  })
})
