import { describe, expect, it } from 'vitest'
import { quotedPaths } from './dropped-paths.ts'

describe('paths that are dropped on a terminal', () => {
  it('are typed as one word each', () => {
    expect(quotedPaths(['/tmp/a.png', '/tmp/b.png'], false)).toBe('/tmp/a.png /tmp/b.png')
    expect(quotedPaths(['/tmp/My shot (1).png'], false)).toBe("'/tmp/My shot (1).png'")
    expect(quotedPaths(["/tmp/it's; rm -rf ~ $(id)"], false)).toBe("'/tmp/it'\\''s; rm -rf ~ $(id)'")
    expect(quotedPaths(['/tmp/図.png'], false)).toBe("'/tmp/図.png'")
    expect(quotedPaths(['C:\\Users\\A B\\x.png'], true)).toBe('"C:\\Users\\A B\\x.png"')
  })

  it('are refused where they hold what a terminal acts on', () => {
    expect(quotedPaths(['/tmp/a\nrm -rf ~'], false)).toBeNull()
    expect(quotedPaths(['/tmp/a', '/tmp/\u001b[201~'], false)).toBeNull()
  })
})
