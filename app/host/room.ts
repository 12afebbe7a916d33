// The interface between serving and what is served: what host.ts gives to main.ts, so that connections know no git, no sessions and
// no keeper, and verbs know no sockets. Types only.

import type { z } from 'zod'
import type { CommandName, CommandOutput, Commands } from '../contract/commands/index.ts'
import type { Notice } from '../contract/wire.ts'
import type { Live } from '../model/run.ts'
import type { Caller } from '../runs/context.ts'
import type { TerminalHandle } from '../runs/terminal.ts'
import type { Viewer } from '../session/attach.ts'
import type { DataDirectory } from '../store/data-dir.ts'
import type { Journal } from '../store/journal.ts'
import type { Log } from './log.ts'

export interface ClientInfo {
  /** Numbered from 1 in the host's life. */
  readonly id: number
  readonly via: 'window' | 'browser' | 'cli'
  /** Whether a person sees what it is told: notices wait for such a one, and it is brought to the front. */
  readonly shows: boolean
  readonly version: string
  readonly connectedAt: number
}

export interface CallContext {
  readonly caller: Caller
  readonly client: ClientInfo
  /** Given with commands that only read: aborted when the client has gone. What changes something goes on without its client. */
  readonly signal?: AbortSignal
}

export type Handler<N extends CommandName> = (
  input: z.output<Commands[N]['input']>,
  call: CallContext,
) => Promise<CommandOutput<N>>
export type Handlers = { readonly [N in CommandName]: Handler<N> }

/** Answered by the serving half itself (own-commands.ts); the room answers the others. */
export type OwnCommand = 'host.status' | 'host.stop' | 'host.serve' | 'host.focus'
export type RoomHandlers = Omit<Handlers, OwnCommand>

export interface HostRoom {
  readonly handlers: RoomHandlers
  live(): Readonly<Record<string, Live>>
  onLive(listener: (runId: string, live: Live | null) => void): () => void
  /** Throws a CoppiceFailure (`not-found` …). The viewer may be called before this resolves. */
  attach(runId: string, viewer: Viewer, sessionId?: string): Promise<TerminalHandle>
  /** `liveRuns`: those with a session, on their way to one, or queued. */
  activity(): { readonly liveRuns: number; readonly keeperPid: number | null }
  /** Stops every live run and the queue; resolves once they have ended. Throws a CoppiceFailure where one could not be proven dead. */
  stopAll(caller: Caller): Promise<void>
  /** Lets go of everything; agents go on in the keeper, which ends by itself once it holds none. */
  close(): Promise<void>
}

export interface RoomOptions {
  readonly dataDir: DataDirectory
  readonly journal: Journal
  readonly log: Log
  readonly dev: boolean
  readonly version: string
  /** Who the host acts as when nobody asked. */
  readonly user: string
  /** Shown by every client. */
  notify(notice: Notice): void
}

/** Must not resolve before recovery is done: clients are let in when it has. */
export type CreateHost = (options: RoomOptions) => Promise<HostRoom>
