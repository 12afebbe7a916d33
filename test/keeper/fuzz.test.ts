// Whatever a client says, the keeper refuses it by a code, changes nothing, and holds on to what it holds.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { KeeperError, socketPath } from '../../app/keeper/client.ts'
import { openConnection } from '../../app/keeper/client-connection.ts'
import { commands } from '../../app/keeper/commands.ts'
import { connect, dataDirectory, specOf } from './harness.ts'

const seed = 3201
const typed = ['bad-input', 'not-found', 'exists', 'not-running', 'spawn-failed', 'busy']

// Values that JSON can bring, and that code takes for something else.
const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0.5,
    1e300,
    '',
    '..',
    '../held',
    '__proto__',
    'held',
    'held\0',
    'x'.repeat(5000),
  ),
  fc.constantFrom<unknown>([], {}, { toString: 1 }, { length: 3 }, ['held'], { __proto__: { sessionId: 'held' } }),
  fc.jsonValue({ maxDepth: 2 }),
)
const fields = ['sessionId', 'kind', 'file', 'args', 'cwd', 'env', 'cols', 'rows', 'stdin', 'input', 'spoolBytes']
const input = fc.dictionary(
  fc.constantFrom(...fields, 'segmentBytes', 'signal', 'stream', 'from', 'sub', 'keepSpool', '__proto__', 'toString'),
  odd,
)

it(`refuses every command with an input that is none, by a code (seed ${seed})`, async () => {
  const dataDir = dataDirectory()
  const keeper = await connect(dataDir)
  await keeper.spawn(specOf('pty', 'echo ready; exec sleep 300', { sessionId: 'held' }))
  const before = JSON.stringify((await keeper.list()).map(({ sessionId, pid, exit }) => ({ sessionId, pid, exit })))
  const line = await openConnection(socketPath(dataDir, 'keeper'), 'test')
  const codes: Record<string, number> = {}
  // What may well succeed: asking, and forgetting what is not there.
  const harmless = ['list', 'read', 'unread', 'forget']
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(commands), 'toString', '__proto__', ''),
      input,
      async (name, given) => {
        const { force: _force, ...rest } = given as Record<string, unknown>
        // A size that is right for the session that is held changes it as asked.
        if (name === 'resize' && rest.sessionId === 'held') return
        const outcome = await line.request(name, rest).then(
          () => 'done',
          (error: unknown) => (error instanceof KeeperError ? error.code : String(error)),
        )
        codes[outcome] = (codes[outcome] ?? 0) + 1
        if (outcome === 'done') expect(harmless).toContain(name)
        else expect(typed, `${name} ${JSON.stringify(rest)}`).toContain(outcome)
      },
    ),
    { seed, numRuns: 600 },
  )
  expect(codes['bad-input']).toBeGreaterThan(100)
  expect(JSON.stringify((await keeper.list()).map(({ sessionId, pid, exit }) => ({ sessionId, pid, exit })))).toBe(
    before,
  )
  line.close()
})
