import { describe, expect, it } from 'vitest'
import { assetHeaders, assetPath, contentSecurityPolicy, isOwnPage } from './assets.ts'

const root = '/opt/coppice/renderer'

describe('assetPath', () => {
  it.each([
    ['app://coppice/', `${root}/index.html`],
    ['app://coppice/index.html?x#y', `${root}/index.html`],
    ['app://coppice/assets/a%20b.js', `${root}/assets/a b.js`],
    // URL resolves these before we see them: they stay below the root.
    ['app://coppice/../../etc/passwd', `${root}/etc/passwd`],
    ['app://coppice/%2e%2e/%2e%2e/etc/passwd', `${root}/etc/passwd`],
  ])('answers %s with %s', (address, file) => {
    expect(assetPath(root, address)).toBe(file)
  })

  it.each([
    'app://coppice/..%2f..%2fetc/passwd',
    'app://coppice/..%5c..%5cetc/passwd',
    'app://coppice/a%00.html',
    'app://coppice/%c0%ae%c0%ae/x',
    'app://coppice/assets/',
    'app://other/index.html',
    'app://user@coppice/index.html',
    'app://coppice:80/index.html',
    'file:///etc/passwd',
    'https://coppice/index.html',
    'nothing',
  ])('answers nothing for %s', (address) => {
    expect(assetPath(root, address)).toBeNull()
  })
})

describe('isOwnPage', () => {
  it('knows the page and its reload', () => {
    expect(isOwnPage('app://coppice/')).toBe(true)
    expect(isOwnPage('app://coppice/index.html#run')).toBe(true)
  })
  it.each(['app://coppice/assets/a.svg', 'https://coppice/', 'file:///index.html', 'about:blank', ''])(
    'is not %s',
    (address) => expect(isOwnPage(address)).toBe(false),
  )
})

describe('content security policy', () => {
  it('starts from nothing and allows no inline script, no eval and no other host', () => {
    expect(contentSecurityPolicy.startsWith("default-src 'none'; ")).toBe(true)
    expect(contentSecurityPolicy).toContain("script-src 'self';")
    expect(contentSecurityPolicy).not.toMatch(/unsafe-eval|https?:|ws:|\*/)
  })
  it('goes with every answer', () => {
    for (const file of ['index.html', 'a.js', 'a.unknown']) {
      expect(assetHeaders(file)['content-security-policy']).toBe(contentSecurityPolicy)
      expect(assetHeaders(file)['x-content-type-options']).toBe('nosniff')
    }
    expect(assetHeaders('a.unknown')['content-type']).toBe('application/octet-stream')
  })
})
