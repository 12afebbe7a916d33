// The commands about the host itself: what it is, ending it, its port for browsers, its windows. All other commands belong to the
// room. It promises to answer a stop before it happens.
import type { HostStatus } from '../contract/commands/host.ts'
import { protocolVersion } from '../contract/wire.ts'
import { fail } from '../model/failure.ts'
import { counted } from '../model/text/units.ts'
import type { Handlers, HostRoom, OwnCommand } from './room.ts'
import type { Service } from './serve.ts'

export interface OwnCommandDeps {
  readonly version: string
  readonly dataDirectory: string
  readonly startedAt: number
  readonly room: Pick<HostRoom, 'activity' | 'stopAll'>
  readonly service: Pick<Service, 'focus'>
  /** http://127.0.0.1:PORT, or null where no port is open. */
  address(): string | null
  openPort(port: number): Promise<{ readonly address: string; readonly url: string }>
  /** Ends the host soon, once the reply has left. */
  end(reason: string): void
}

/** The handlers of `host.status`, `host.stop`, `host.serve` and `host.focus`. */
export function createOwnCommands(deps: OwnCommandDeps): Pick<Handlers, OwnCommand> {
  const { room } = deps
  return {
    async 'host.status'(): Promise<HostStatus> {
      const activity = room.activity()
      return {
        pid: process.pid,
        keeperPid: activity.keeperPid,
        version: deps.version,
        runs: activity.liveRuns,
        protocol: protocolVersion,
        dataDirectory: deps.dataDirectory,
        startedAt: deps.startedAt,
        address: deps.address(),
      }
    },
    async 'host.stop'({ agents }, { caller }) {
      const runs = room.activity().liveRuns
      if (agents === 'refuse' && runs > 0) {
        throw fail('in-use', { runs, message: `${counted(runs, 'run is', 'runs are')} live` })
      }
      if (agents === 'stop') {
        await room.stopAll(caller)
        const left = room.activity().liveRuns
        // Not a word of success for what is not so: the host stays, and shows which ones.
        if (left > 0)
          throw fail('stop-failed', { runs: left, message: `${left} could not be stopped` }, { retryable: true })
      }
      deps.end(`host.stop (agents: ${agents})`)
      return {}
    },
    'host.serve': ({ port }) => deps.openPort(port),
    async 'host.focus'({ path }) {
      return { windows: deps.service.focus(path ?? null) }
    },
  }
}
