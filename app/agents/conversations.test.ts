import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claudeConversation, codexSessionIn, geminiConversation } from './conversations.ts'

let HOME = ''
beforeAll(() => {
  HOME = mkdtempSync(join(tmpdir(), 'coppice-conversations-'))
})
afterAll(() => rmSync(HOME, { recursive: true, force: true }))

const put = (path: string, ...lines: unknown[]) => {
  mkdirSync(dirname(join(HOME, path)), { recursive: true })
  writeFileSync(join(HOME, path), lines.map((one) => `${JSON.stringify(one)}\n`).join(''))
}
const id = '7b8c3e40-2f4d-4d4c-b360-55e425caf8e9'

describe('a conversation of Claude Code', () => {
  it('is there when somebody said something in it', () => {
    expect(claudeConversation({ HOME }, id)).toBe('none')
    put(`.claude/projects/-work-tree/${id}.jsonl`, { type: 'mode' }, { type: 'file-history-snapshot' })
    expect(claudeConversation({ HOME }, id), 'it was killed before its first prompt').toBe('none')
    put(`.claude/projects/-work-tree/${id}.jsonl`, { type: 'mode' }, { message: {}, type: 'user' })
    expect(claudeConversation({ HOME }, id)).toBe('there')
    expect(claudeConversation({ HOME, CLAUDE_CONFIG_DIR: join(HOME, 'elsewhere') }, id)).toBe('none')
  })

  it('is there when it is too long to be read through', () => {
    const long = '22222222-2f4d-4d4c-b360-55e425caf8e9'
    put(`.claude/projects/-work-tree/${long}.jsonl`, { type: 'mode', filler: 'x'.repeat(600_000) }, { type: 'user' })
    expect(claudeConversation({ HOME }, long)).toBe('there')
  })

  it('is unknown where it cannot be looked for', () => {
    expect(claudeConversation({}, id)).toBe('unknown')
    writeFileSync(join(HOME, 'a-file'), '')
    mkdirSync(join(HOME, 'odd'), { recursive: true })
    writeFileSync(join(HOME, 'odd', 'projects'), '')
    expect(claudeConversation({ HOME, CLAUDE_CONFIG_DIR: join(HOME, 'odd') }, id)).toBe('unknown')
  })
})

it('finds a conversation of Gemini CLI by the start of its id', () => {
  expect(geminiConversation({ HOME }, id)).toBe('none')
  put(
    '.gemini/tmp/tree/chats/session-2026-01-02T03-04-7b8c3e40.jsonl',
    { sessionId: id },
    { type: 'user', content: [] },
  )
  expect(geminiConversation({ HOME }, id)).toBe('there')
})

describe('the session that Codex held last in a directory', () => {
  const rollout = (day: string, time: string, session: string, meta: object) =>
    put(
      `.codex/sessions/2026/${day}/rollout-2026-${time}-${session}.jsonl`,
      { payload: { cwd: '/work/tree', id: session, thread_source: 'user', ...meta }, type: 'session_meta' },
      { type: 'response_item' },
    )

  it('is the newest of the person’s own', () => {
    expect(codexSessionIn({ HOME }, '/work/tree')).toBeNull()
    rollout('01/31', '01-31T23-00-00', 'older', {})
    rollout('02/01', '02-01T01-00-00', 'newer', {})
    rollout('02/01', '02-01T02-00-00', 'subagent', { thread_source: 'subagent' })
    rollout('02/01', '02-01T03-00-00', 'another', { cwd: '/work/other' })
    put('.codex/sessions/2026/02/01/rollout-2026-02-01T04-00-00-broken.jsonl')
    expect(codexSessionIn({ HOME }, '/work/tree')).toBe('newer')
    expect(codexSessionIn({ HOME }, '/work/other')).toBe('another')
    expect(codexSessionIn({ HOME, CODEX_HOME: join(HOME, 'none') }, '/work/tree')).toBeNull()
    expect(codexSessionIn({}, '/work/tree')).toBeNull()
  })
})
