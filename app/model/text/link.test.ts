import { describe, expect, it } from 'vitest'
import { judgeLink, maxLinkLength } from './link.ts'

describe('judgeLink', () => {
  it.each(['https://example.com/a?b#c', 'http://127.0.0.1:3000/', 'http://[::1]:8080/'])('opens %s', (link) => {
    expect(judgeLink(link)).toEqual({ verdict: 'open', url: link })
  })

  it.each([
    'file:///etc/passwd',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' data:text/html,x',
    'smb://host/share',
    'vscode://file/etc/passwd',
    'ssh://host',
    'no link',
    'app://coppice/',
    '//example.com/',
    '/etc/passwd',
    '',
    'https://user@example.com/',
    'https://accounts.example.com:pw@evil.example/',
    `https://example.com/${'a'.repeat(maxLinkLength)}`,
  ])('refuses %s', (link) => {
    expect(judgeLink(link).verdict).toBe('refuse')
  })

  it('names the real host of a link with a user name', () => {
    expect(judgeLink('https://bank.example@evil.test/')).toMatchObject({ why: expect.stringContaining('evil.test') })
  })

  it('shows a name in another script in its ASCII form first', () => {
    // The first letter is Cyrillic.
    expect(judgeLink('https://аpple.com/')).toEqual({
      verdict: 'ask',
      url: 'https://xn--pple-43d.com/',
      host: 'xn--pple-43d.com',
      why: expect.stringContaining('xn--pple-43d.com'),
    })
    expect(judgeLink('https://xn--80ak6aa92e.test/')).toMatchObject({ verdict: 'ask' })
  })
})
