import { describe, expect, it } from 'vitest'
import { comparePage, forgeUrl, parseRemoteUrl } from './github.ts'

describe('parseRemoteUrl', () => {
  it.each([
    ['https://github.com/acme/shop.git', 'github.com', 'acme/shop'],
    ['git@github.com:acme/shop.git', 'github.com', 'acme/shop'],
    ['ssh://git@gitlab.example.org:2222/group/sub/shop', 'gitlab.example.org', 'group/sub/shop'],
    ['https://user:token@github.com/acme/shop', 'github.com', 'acme/shop'],
  ])('%s', (url, host, path) => expect(parseRemoteUrl(url)).toEqual({ host, path }))
  it.each(['/srv/git/shop.git', 'file:///srv/shop', '../shop', 'C:\\code\\shop', 'javascript:alert(1)', ''])(
    'refuses %j',
    (url) => {
      expect(parseRemoteUrl(url)).toBeNull()
    },
  )
})

describe('forgeUrl', () => {
  it.each([
    ['https://github.com/acme/shop', 'gh:acme/shop', 'github.com'],
    ['git@github.com:acme/shop', 'https://github.com/acme/shop', 'github.com'],
    ['/srv/mirror/shop.git', 'https://github.com/acme/shop', 'github.com'],
  ])('of %s, written %s', (resolved, written, host) =>
    expect(parseRemoteUrl(forgeUrl(resolved, written))).toEqual({ host, path: 'acme/shop' }),
  )
})

describe('comparePage', () => {
  const draft = { branch: 'agent/a&b', base: 'main', title: '[agent] x "y" &z=1', body: 'line\n# <b>' }
  it('encodes what is hostile, and never the token', () => {
    const page = new URL(comparePage({ ...draft, remoteUrl: 'https://me:secret@github.com/acme/shop.git' })!)
    expect(page.pathname).toBe('/acme/shop/compare/main...agent/a%26b')
    expect(page.searchParams.get('title')).toBe(draft.title)
    expect(page.searchParams.get('body')).toBe(draft.body)
    expect(page.href).not.toContain('secret')
  })
  it('knows GitLab and Bitbucket, and none for a path', () => {
    expect(comparePage({ ...draft, remoteUrl: 'git@gitlab.com:g/p.git' })).toContain('/g/p/-/merge_requests/new?')
    expect(comparePage({ ...draft, remoteUrl: 'git@bitbucket.org:g/p.git' })).toContain('/g/p/pull-requests/new?')
    expect(comparePage({ ...draft, remoteUrl: '/srv/git/x.git' })).toBeNull()
  })
})
