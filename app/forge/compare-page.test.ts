import { describe, expect, it } from 'vitest'
import { comparePage } from './compare-page.ts'

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
