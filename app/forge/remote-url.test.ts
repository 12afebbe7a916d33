import { describe, expect, it } from 'vitest'
import { forgeOf } from './forges.ts'
import { forgeUrl, parseRemoteUrl } from './remote-url.ts'

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

describe('forgeOf', () => {
  it('is GitHub for what a browser could open, by gh or by the compare page, and none for a path', () => {
    expect(forgeOf('git@github.com:acme/shop.git')?.name).toBe('github')
    expect(forgeOf('https://git.acme.example/acme/shop')?.name).toBe('github')
    expect(forgeOf('/srv/git/shop.git')).toBeNull()
  })
})
