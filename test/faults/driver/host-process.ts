// A host without its sockets, in a process that may be killed at any system call: the composition root over a real journal, keeper
// and git, recovered before it says that it is ready, and told what to do over the IPC channel. Started by victim.ts.
import { readdirSync, readFileSync } from 'node:fs'
import { commands } from '../../../app/contract/commands/index.ts'
import { createHost } from '../../../app/host/host.ts'
import { openLog } from '../../../app/host/log.ts'
import type { CallContext } from '../../../app/host/room.ts'
import { failureOf } from '../../../app/model/failure.ts'
import { isSettled, type Run } from '../../../app/model/run.ts'
import { openDataDirectory } from '../../../app/store/data-dir.ts'
import { openDatabase } from '../../../app/store/database.ts'
import { openJournal } from '../../../app/store/journal.ts'
import type { Answer, Order } from './victim.ts'

const directory = openDataDirectory(process.argv[2] ?? '')
const log = openLog(`${directory.logs}/host.log`)
const journal = openJournal(openDatabase(directory.database, { aside: directory.aside }))
const room = await createHost({
  dataDir: directory,
  journal,
  log,
  dev: false,
  version: 'test',
  user: 'test',
  notify: () => {},
})
process.on('unhandledRejection', (reason) => log.error('an unhandled rejection', reason))

const call: CallContext = {
  caller: { actor: { user: 'test', via: 'cli' }, commandId: null, inputHash: null },
  client: { id: 1, via: 'cli', shows: false, version: 'test', connectedAt: 0 },
}

async function obey(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'call':
      // Parsed as host/serve does it: with the defaults of the contract.
      return (room.handlers as Record<string, (input: unknown, call: CallContext) => Promise<unknown>>)[order.name]?.(
        commands[order.name].input.parse(order.input),
        call,
      )
    case 'settle':
      return settled(order.runId, order.timeoutMs)
    case 'runs':
      return journal.state.runs
    case 'recovery':
      return journal.state.recovery
    case 'verify':
      return journal.verify()
    case 'end':
      await room.close()
      journal.close()
      setImmediate(() => process.exit(0))
      return null
  }
}

/** The run once it is settled, removed or purged; after `timeoutMs` as it is then. */
async function settled(runId: string, timeoutMs: number): Promise<Run | null> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const run = journal.state.runs[runId]
    if (!run) return null
    if (isSettled(run.phase) || run.phase === 'removed' || run.phase === 'purged' || Date.now() > until) return run
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The threads that change the disk: the main one and the pool's only one (UV_THREADPOOL_SIZE=1). */
function threads(): { main: number; pool: number } {
  const pool = readdirSync('/proc/self/task').find((id) =>
    readFileSync(`/proc/self/task/${id}/comm`, 'utf8').startsWith('libuv-worker'),
  )
  return { main: process.pid, pool: Number(pool) }
}

process.on('message', (order: Order) => {
  const reply = (answer: Answer) => process.send?.(answer)
  void obey(order).then(
    (value) => reply({ id: order.id, value }),
    (error: unknown) => {
      if (failureOf(error).code === 'internal') log.error('internal', error)
      reply({ id: order.id, failure: failureOf(error) })
    },
  )
})
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: threads() } satisfies Answer)
