import { describe, expect, it } from 'vitest'
import type { ConfigEntry } from '../config-list.ts'
import { resolveRemote } from './network.ts'

const local = (key: string, value: string): ConfigEntry => ({ scope: 'local', key, value })
const own = (key: string, value: string): ConfigEntry => ({ scope: 'global', key, value })
const url = local('remote.origin.url', 'https://h/r.git')
const push = { direction: 'push', trusted: false } as const
const fetch = { direction: 'fetch', trusted: false } as const
const surprise = expect.objectContaining({ failure: expect.objectContaining({ code: 'remote-surprise' }) })

describe('resolveRemote', () => {
  it('takes the plain address', () => {
    expect(resolveRemote([url], 'origin', push)).toEqual({ url: 'https://h/r.git', ignored: [] })
  })

  it('follows the person’s own rules, the longest first, a push rule before the others', () => {
    const rules = [own('url.ssh://x/.insteadof', 'https://'), own('url.git@h:.insteadof', 'https://h/')]
    expect(resolveRemote([...rules, url], 'origin', push).url).toBe('git@h:r.git')
    const pushing = [...rules, own('url.git@push:.pushinsteadof', 'https://h/'), url]
    expect(resolveRemote(pushing, 'origin', push).url).toBe('git@push:r.git')
    expect(resolveRemote(pushing, 'origin', fetch).url).toBe('git@h:r.git')
  })

  it.each([
    ['a pushurl', [local('remote.origin.pushurl', 'https://evil/r.git')]],
    [
      'two pushurls, one of them right',
      [local('remote.origin.pushurl', 'https://h/r.git'), local('remote.origin.pushurl', 'https://evil/')],
    ],
    ['a second url', [local('remote.origin.url', 'https://evil/r.git')]],
    ['insteadOf', [local('url.https://evil/.insteadof', 'https://h/')]],
    ['pushInsteadOf', [local('url.https://evil/.pushinsteadof', 'https://h')]],
    ['insteadOf of nothing', [local('url.https://evil/.insteadof', '')]],
    ['a rule of a worktree', [{ scope: 'worktree', key: 'url.https://evil/.insteadof', value: 'https://h/' }]],
  ])('is surprised by %s in the repository', (_, entries) => {
    expect(() => resolveRemote([url, ...entries], 'origin', push)).toThrow(surprise)
  })

  it('lets a person agree to exactly one address', () => {
    const entries = [url, local('remote.origin.pushurl', 'https://fork/r.git')]
    expect(resolveRemote(entries, 'origin', { ...push, expectedUrl: 'https://fork/r.git' }).url).toBe(
      'https://fork/r.git',
    )
    expect(() => resolveRemote(entries, 'origin', { ...push, expectedUrl: 'https://h/r.git' })).toThrow(surprise)
    expect(() => resolveRemote([url], 'origin', { ...push, expectedUrl: 'https://was/r.git' })).toThrow(surprise)
  })

  it('counts a trusted repository’s rules, and still not its pushurl', () => {
    const trusted = { direction: 'push', trusted: true } as const
    expect(resolveRemote([url, local('url.git@h:.insteadof', 'https://h/')], 'origin', trusted).url).toBe('git@h:r.git')
    expect(() => resolveRemote([url, local('remote.origin.pushurl', 'https://evil/')], 'origin', trusted)).toThrow(
      surprise,
    )
  })

  it('refuses what is no remote, and addresses that are options', () => {
    expect(() => resolveRemote([], 'origin', push)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ code: 'no-remote' }) }),
    )
    expect(() => resolveRemote([local('remote.origin.url', '--upload-pack=x')], 'origin', fetch)).toThrow(surprise)
  })

  it('names what it does not listen to', () => {
    const entries = [
      url,
      local('http.proxy', 'http://evil'),
      local('credential.helper', '!evil'),
      local('core.sshcommand', 'evil'),
      local('core.bare', 'false'),
    ]
    expect(resolveRemote(entries, 'origin', push).ignored).toEqual([
      'http.proxy',
      'credential.helper',
      'core.sshcommand',
    ])
  })
})
