import { describe, expect, it } from 'vitest'
import type { TranscriptRole } from '../../model/transcript.ts'
import { renderLine, renderRaw } from './transcript.ts'

const controls = /[\u0000-\u0009\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f-\u009f]/

describe('renderLine', () => {
  it.each(['agent', 'user', 'tool', 'result', 'note', 'error', 'verdict'] as TranscriptRole[])(
    'shows %s with a mark of its own',
    (role) => {
      const text = renderLine({ role, text: 'one\ntwo', detail: 'three\nfour' })
      expect(text).toContain('one\r\n  two')
      expect(text).toContain('three four')
      expect(text.endsWith('\r\n')).toBe(true)
    },
  )

  it('lets no control of the agent through but its own SGR', () => {
    const hostile = 'a\u001b]52;c;AAAA\u0007b\u001b[2Jc\u009bHd\u0008\u001b'
    for (const text of [renderLine({ role: 'tool', text: hostile, detail: hostile }), renderRaw(hostile, 'x ')]) {
      expect(text.replace(/\u001b\[[0-9;]*m/g, '')).not.toMatch(/\u001b/)
      expect(text).not.toMatch(controls)
    }
  })

  it('cuts what is long and says how much is missing', () => {
    expect(renderLine({ role: 'result', text: 'x'.repeat(30_000) })).toContain('… (10000 characters more)')
  })
})
