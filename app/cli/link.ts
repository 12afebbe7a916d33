// The CLI's connection to one host: with the greeting done, a replica of its runs, and a reconnect when it is lost. A call that
// lost its connection is repeated under the same command id, so it happens once. It knows no verb.
import { setTimeout as delay } from 'node:timers/promises'
import {
  type Attachment,
  type AttachOptions,
  type Client,
  connect,
  newCommandId,
  type TerminalListener,
} from '../contract/client.ts'
import type { CommandInput, CommandName, CommandOutput } from '../contract/commands/index.ts'
import { createReplica } from '../contract/replica.ts'
import { type CoppiceFailure, fail, failureOf } from '../model/failure.ts'
import type { Live, Run } from '../model/run.ts'
import type { State } from '../model/state.ts'
import type { RunView } from '../model/view.ts'
import { runView } from '../model/view.ts'
import { isFailure } from './errors.ts'
import { reachHost } from './start-host.ts'

export interface LinkOptions {
  readonly dataDir: string
  readonly version: string
  readonly start: boolean
}

interface Greeted {
  readonly client: Client
  readonly socket: string
}

/** How long a host that went may take to be started again by others, in milliseconds. */
const graceMs = 3_000
/** How long a lost host may be away before a call or a wait gives up, in milliseconds. */
const awayMs = 15_000

export class Link {
  readonly #options: LinkOptions
  #client: Client
  #socket: string
  readonly #replica = createReplica()
  #watching = false
  #closed = false
  #lost: CoppiceFailure | null = null
  #again: Promise<void> | null = null
  readonly #listeners = new Set<() => void>()

  private constructor(options: LinkOptions, greeted: Greeted) {
    this.#options = options
    this.#client = greeted.client
    this.#socket = greeted.socket
    this.#replica.onChange(() => this.#tell())
    this.#adopt(greeted)
  }

  /** Connects, starting the host where none runs and `start` says so. Throws a CoppiceFailure. */
  static async open(options: LinkOptions): Promise<Link> {
    return new Link(options, await greet(options))
  }

  get welcome(): Client['welcome'] {
    return this.#client.welcome
  }

  /** Where the host listens. */
  get socket(): string {
    return this.#socket
  }

  get state(): State {
    return this.#replica.facts.state
  }

  live(runId: string): Live | undefined {
    const { live } = this.#replica.facts
    return Object.hasOwn(live, runId) ? live[runId] : undefined
  }

  run(runId: string): Run | undefined {
    const { runs } = this.state
    return Object.hasOwn(runs, runId) ? runs[runId] : undefined
  }

  /** The run as a machine reads it. The run must be known. */
  view(run: Run): RunView {
    return runView(this.state, run, this.live(run.id), Date.now())
  }

  /** Calls the host; once more, under the same command id, where the connection was lost on the way. */
  async call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>> {
    const commandId = newCommandId()
    try {
      return await this.#client.call(name, input, { commandId })
    } catch (error) {
      if (!isFailure(error, 'connection-lost') || this.#closed) throw error
      await this.#comeBack('the connection was lost', 0)
      return await this.#client.call(name, input, { commandId })
    }
  }

  /** Calls the host and does not try again: for what ends the connection. */
  callOnce<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>> {
    return this.#client.call(name, input)
  }

  /** Follows the runs from now on; resolves with the first snapshot. */
  async watch(): Promise<void> {
    if (!this.#watching) {
      this.#watching = true
      this.#replica.follow(this.#client)
    }
    await this.until(() => (this.#replica.facts.ready ? true : undefined), {
      timeoutMs: awayMs,
      what: 'The list of runs',
    })
  }

  /**
   * Resolves with what `probe` gives once it gives something: it is asked now and after each change. Rejects with `timeout` after
   * `timeoutMs`, or with `connection-lost` where the host stays away.
   */
  until<T>(
    probe: () => T | undefined,
    options: { readonly timeoutMs?: number; readonly what?: string } = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const settle = (act: () => void) => {
        clearTimeout(timer)
        this.#listeners.delete(look)
        act()
      }
      const look = () => {
        if (this.#lost) {
          const lost = this.#lost
          return settle(() => reject(lost))
        }
        try {
          const found = probe()
          if (found !== undefined) settle(() => resolve(found))
        } catch (error) {
          settle(() => reject(error))
        }
      }
      this.#listeners.add(look)
      if (options.timeoutMs !== undefined) {
        const seconds = options.timeoutMs / 1000
        timer = setTimeout(
          () => settle(() => reject(fail('timeout', { what: options.what ?? 'It', seconds }, { retryable: true }))),
          options.timeoutMs,
        )
      }
      look()
    })
  }

  attach(runId: string, listener: TerminalListener, options: AttachOptions = {}): Attachment {
    return this.#client.attach(runId, listener, options)
  }

  /** Called with the reason each time the connection closes, also by `close`. */
  onClose(listener: (reason: string) => void): void {
    this.#client.onClose(listener)
  }

  close(): void {
    this.#closed = true
    this.#client.close()
  }

  #adopt({ client, socket }: Greeted): void {
    this.#client = client
    this.#socket = socket
    client.onClose((reason) => {
      if (this.#closed || this.#client !== client) return
      // Nobody waits for anything: the next call connects again.
      if (!this.#watching) return
      this.#comeBack(reason, graceMs).catch((error: unknown) => {
        this.#lost = error as CoppiceFailure
        this.#tell()
      })
    })
  }

  /** Connects again, once for all who ask meanwhile. */
  #comeBack(reason: string, grace: number): Promise<void> {
    this.#again ??= this.#reconnect(reason, grace).finally(() => {
      this.#again = null
    })
    return this.#again
  }

  /** Gives whoever restarts the host on purpose (an upgrade, the window) a moment to do so, then starts it. */
  async #reconnect(reason: string, grace: number): Promise<void> {
    const until = Date.now() + grace
    for (;;) {
      const start = this.#options.start && Date.now() >= until
      try {
        const greeted = await greet({ ...this.#options, start })
        if (this.#closed) return greeted.client.close()
        this.#lost = null
        this.#adopt(greeted)
        if (this.#watching) this.#replica.follow(greeted.client)
        return
      } catch (error) {
        const { code, detail } = failureOf(error)
        // A host that answers and refuses (another protocol, a damaged journal) will not change its mind.
        if (code !== 'host-unreachable' && code !== 'connection-lost') throw error
        if (this.#closed || start || (!this.#options.start && Date.now() >= until)) {
          throw fail('connection-lost', { message: String(detail?.message ?? reason) }, { retryable: true })
        }
      }
      await delay(100)
    }
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

/** Connects and says hello. A host that is still starting, or that was just ending, is asked again for a while. */
async function greet(options: LinkOptions): Promise<Greeted> {
  const deadline = Date.now() + awayMs
  for (;;) {
    const { channel, socket } = await reachHost(options)
    try {
      return { client: await connect(channel, { via: 'cli', version: options.version }), socket }
    } catch (error) {
      channel.close('refused')
      const again = isFailure(error, 'host-starting') || isFailure(error, 'connection-lost')
      if (!again || Date.now() > deadline) throw error
      await delay(100)
    }
  }
}
