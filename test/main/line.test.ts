// The whole line between a page and its host, as it is in the window: the page's client and replica, the page's channel over a
// message port, the bridge of the window's process, the socket, and a real host that runs a real program.
import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import { type Client, connect } from '../../app/contract/client.ts'
import { createReplica } from '../../app/contract/replica.ts'
import { makeBridge } from '../../main/bridge.ts'
import { hostProcess } from '../../main/host-process.ts'
import { portChannel } from '../../renderer/client/port-channel.ts'
import { cliProgram, startHost, type TestHost } from '../harness/test-host.ts'
import { makeRepo } from '../harness/test-repo.ts'
import { electronPort } from './electron-port.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A page's client of the host, through a bridge of its own. */
async function pageOf(host: TestHost): Promise<Client> {
  const found = hostProcess({ node: process.execPath, cli: cliProgram, env: host.environment })
  const { port1, port2 } = new MessageChannel()
  const bridge = makeBridge(electronPort(port2), found.open)
  cleanups.push(() => bridge.close('The test is over.'))
  return connect(portChannel(port1 as unknown as MessagePort), { via: 'window', version: 'test' })
}

it('carries a key to the program and its answer back, shows a removal, and says when the host is gone', async () => {
  const host = await startHost()
  cleanups.push(() => host.close())
  const repo = makeRepo()
  cleanups.push(() => repo.close())
  const { repositoryId } = await host.call('repository.add', { path: repo.path })
  const runId = await host.start(repositoryId, 'stty -echo; echo ready; IFS= read -r word; echo "heard $word"')
  await host.untilPhase(runId, 'running')

  const client = await pageOf(host)
  const replica = createReplica()
  await new Promise<void>((arrived) => replica.follow(client, arrived))
  expect(replica.facts.state.runs[runId]?.phase).toBe('running')

  let shown = ''
  let typed = false
  const screen = client.attach(runId, {
    ...{ onScreenStart() {}, onScreenEnd() {}, onResized() {}, onEnded() {} },
    onScreen: take,
    onOutput(bytes) {
      screen.ack(bytes.length)
      take(bytes)
    },
    onFailed: (failure) => expect.unreachable(failure.code),
  })
  function take(bytes: Uint8Array) {
    shown += new TextDecoder().decode(bytes)
    if (typed || !shown.includes('ready')) return
    typed = true
    screen.input(new TextEncoder().encode('moin\r'))
  }
  await host.until('the answer on the page', () => shown.includes('heard moin'))

  await host.until('the end in the replica', () => replica.facts.state.runs[runId]?.phase === 'exited')
  const { consent } = await client.call('run.preview-removal', { runId })
  await client.call('run.remove', { runId, consent, force: false })
  await host.until('the removal in the replica', () => replica.facts.state.runs[runId]?.phase === 'removed')
  expect(replica.facts.state).toEqual(host.state())

  const lost = new Promise<string>((resolve) => client.onClose(resolve))
  await host.kill()
  expect(await lost).toMatch(/^The connection to the host ended: /)
  await expect(client.call('host.status', {})).rejects.toMatchObject({ failure: { code: 'connection-lost' } })
})
