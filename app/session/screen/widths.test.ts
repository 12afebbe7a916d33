import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

// Each start has other bytes in Node's pool of Buffers, so each is a process of its own, which fills the pool before it loads them.
const program = (widths: string) => `
  Buffer.poolSize = 65536
  for (let i = 0; i < 40; i++) Buffer.from(String.fromCharCode(i).repeat(97 * i))
  const pooled = Buffer.poolSize
  const { measureGraphemes } = await import(${JSON.stringify(widths)})
  const versions = []
  measureGraphemes({ unicode: { register: (provider) => versions.push(provider), activeVersion: '' } })
  const [widths] = versions
  const wide = (text) => [...text].map((character) => widths.wcwidth(character.codePointAt(0)))
  let joined = 0
  for (const character of '👨‍👩‍👧') joined = widths.charProperties(character.codePointAt(0), joined)
  console.log(JSON.stringify([wide('a漢é🙂́'), joined >> 1 & 3, Buffer.poolSize === pooled]))
`

it('measures the same whatever bytes lie in the pool of Buffers when the tables are loaded', () => {
  const file = fileURLToPath(new URL('./widths.ts', import.meta.url))
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program(file)], { encoding: 'utf8' })
  expect(JSON.parse(said)).toEqual([[1, 2, 1, 2, 0], 2, true])
})
