import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { failureOf } from '../../app/model/failure.ts'
import { openPromptHistory } from '../../app/store/prompt-history.ts'
import { scratch } from './sample.ts'

const { make } = scratch()
const open = () => {
  const path = join(make(), 'prompts.json')
  return { path, history: openPromptHistory(path) }
}
const texts = (list: readonly { readonly text: string }[]) => list.map(({ text }) => text)

describe('the prompts that were sent', () => {
  it('are kept newest first, each text once, for their owner alone, and are there for the next host', () => {
    const { path, history } = open()
    history.add('one', 'shop', 1)
    history.add('two', 'shop', 2)
    history.add('one', 'shop', 3)
    history.add('two', 'blog', 4)
    history.add('in a folder', null, 5)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const again = openPromptHistory(path)
    expect(texts(again.list({}))).toEqual(['in a folder', 'two', 'one'])
    expect(texts(again.list({ repositoryId: 'shop' }))).toEqual(['one', 'two'])
    const [newest] = again.list({})
    expect(again.text(newest!.id)).toBe('in a folder')
    expect(again.text('0'.repeat(32))).toBeNull()
  })

  it('are found by all of the words that are typed, in any case', () => {
    const { history } = open()
    history.add('Fix the upload test\nIt is flaky', 'shop', 1)
    history.add('Fix the login', 'shop', 2)
    expect(texts(history.list({ search: 'flaky  FIX' }))).toEqual(['Fix the upload test\nIt is flaky'])
    expect(history.list({ search: 'login upload' })).toEqual([])
  })

  it('are forgotten one by one in every repository, or all together', () => {
    const { path, history } = open()
    history.add('secret', 'shop', 1)
    history.add('secret', 'blog', 2)
    history.add('other', 'shop', 3)
    history.forget(history.list({ search: 'secret' })[0]!.id)
    expect(readFileSync(path, 'utf8')).not.toContain('secret')
    expect(texts(history.list({}))).toEqual(['other'])
    history.forget(null)
    expect(history.list({})).toEqual([])
  })

  it('are at most two hundred and one mebibyte, and none that is too long', () => {
    const { history } = open()
    history.add('x'.repeat(64 * 1024 + 1), 'shop', 1)
    history.add(' \n', 'shop', 1)
    expect(history.list({})).toEqual([])
    for (let n = 0; n < 205; n++) history.add(`prompt ${n}`, 'shop', n)
    const kept = texts(history.list({}))
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([200, 'prompt 204', 'prompt 5'])
    for (let n = 0; n < 20; n++) history.add(`${n} `.padEnd(64 * 1024, 'é').slice(0, 32 * 1024), 'shop', 300 + n)
    const bytes = history.list({}).reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
    expect(bytes).toBeLessThanOrEqual(1024 * 1024)
    expect(history.list({})[0]?.text.startsWith('19 ')).toBe(true)
  })

  it('are not replaced where their file is damaged, until they are cleared', () => {
    const { path, history } = open()
    writeFileSync(path, '{"format":1,"prompts":[{"id"')
    let refused: unknown
    try {
      history.list({})
    } catch (error) {
      refused = error
    }
    expect(failureOf(refused)).toMatchObject({ code: 'state-unknown', detail: { path } })
    expect(() => history.add('new', 'shop', 1)).toThrow()
    expect(readFileSync(path, 'utf8')).toBe('{"format":1,"prompts":[{"id"')
    history.forget(null)
    history.add('new', 'shop', 1)
    expect(texts(history.list({}))).toEqual(['new'])
  })
})
