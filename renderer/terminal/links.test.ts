import { describe, expect, it } from 'vitest'
import { judgeLink } from './links.ts'

describe('links in a terminal', () => {
  it.each(['https://example.test/a?b=c#d', 'http://127.0.0.1:3000/'])('opens %s', (link) => {
    expect(judgeLink(link)).toMatchObject({ open: 'now' })
  })

  it.each([
    'file:///etc/passwd',
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,<script>',
    'vscode://x',
    'ssh://host',
    'no link',
    '',
    `https://example.test/${'a'.repeat(5000)}`,
  ])('never opens %s', (link) => {
    expect(judgeLink(link)).toMatchObject({ open: 'never' })
  })

  it('shows a user name before the host first, with the real host', () => {
    expect(judgeLink('https://bank.example@evil.test/')).toMatchObject({
      open: 'ask',
      why: expect.stringContaining('evil.test'),
    })
  })

  it('shows a name with letters outside ASCII first, in ASCII', () => {
    // The "а" is Cyrillic.
    expect(judgeLink('https://аpple.test/')).toMatchObject({ open: 'ask', why: expect.stringContaining('xn--') })
    expect(judgeLink('https://xn--80ak6aa92e.test/')).toMatchObject({ open: 'ask' })
  })
})
