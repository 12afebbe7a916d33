// What an agent is to the rest of Coppice: how it is found, started, resumed and read, and how its ending is judged. There is one
// adapter per file, listed in adapters.ts; docs/adding-an-agent.md explains how to write one. An adapter only plans: it starts
// nothing, writes nothing, and knows no runs, no screens and no keeper.
import type { AgentWords } from '../model/agent.ts'
import type { AgentName, AgentOptions, Mode } from '../model/run.ts'
import type { Exit, Outcome } from '../model/session.ts'
import type { EventSummary, TitleReader, TranscriptReader } from '../model/transcript.ts'

export interface LaunchRequest {
  /** The program: an absolute path as `detectAgents` found it. */
  readonly file: string
  readonly mode: Mode
  /** `file` is a 0600 file that holds the whole of `text`; it lies outside the worktree, in a directory of its own. */
  readonly prompt: { readonly text: string; readonly file: string } | null
  readonly options: AgentOptions
  /** The agent's own session id, to go on with; null starts a new conversation. */
  readonly resume: string | null
  /** A UUID that we mint, for the agents that take their session id from us. */
  readonly newSessionId: string
  readonly worktree: string
  /** The repository's main checkout, or the folder itself where it is in none. */
  readonly repositoryPath: string
  /** The common git directory, and this worktree's own directory in it. Null for a run in a folder without git. */
  readonly commonDir: string | null
  readonly adminDir: string | null
  /** The person's own command line where the agent is "command". */
  readonly commandLine: string | null
  /** The person's login shell, absolute. */
  readonly shell: string
  /** False where the shell's start-up files end or hang, so that nothing after them would run. Default true. */
  readonly startUpFiles?: boolean
  /** What the session's environment will be, for reading; a plan names only what it adds. */
  readonly environment: Readonly<Record<string, string>>
}

export interface LaunchPlan {
  /** A terminal for an interactive agent, plain pipes for a headless one. */
  readonly kind: 'pty' | 'pipe'
  readonly file: string
  readonly args: readonly string[]
  /** Additions to the session's environment. */
  readonly environment: Readonly<Record<string, string>>
  /** For pipes: nothing (/dev/null), or a text that is written and then closed. A pty's stdin is the terminal. */
  readonly stdin: 'none' | { readonly text: string }
  /** The agent's session id where it is known before the agent says it. */
  readonly agentSession: string | null
  /** The command line for people: quoted for a shell, the prompt shortened. Never run again. */
  readonly shown: string
}

/** A transcript reader that also remembers what an ending is judged by. Fed again from the first event it comes to the same. */
export interface AgentReader extends TranscriptReader {
  summary(): EventSummary
}

export interface Ending {
  /** Null where nobody saw the exit. */
  readonly exit: Exit | null
  /** True where we sent the signal: a person stopped the run. */
  readonly stopRequested: boolean
  /** The reader's summary; null for an interactive session, whose agent gives no events. */
  readonly lastEvents: EventSummary | null
  /** The last lines of standard error. Hostile text. */
  readonly stderrTail: string
}

export interface SessionPlace {
  readonly worktree: string
  readonly environment: Readonly<Record<string, string>>
  readonly known: string | null
}

/** Its label and mark come from the model's one table (model/agent). */
export interface Adapter extends AgentWords {
  readonly name: AgentName
  /** Names looked for on the PATH, in this order; none for what needs no installation. */
  readonly binaries: readonly string[]
  readonly modes: readonly Mode[]
  /** The options it knows in any mode. `launch` refuses the others by name, and those that its mode does not know. */
  readonly options: readonly (keyof AgentOptions)[]
  readonly permissionModes: readonly string[]
  /** Flags that Coppice sets itself and by which it follows the agent: refused among a person's extra arguments. */
  readonly ownFlags?: readonly string[]
  /** How to get it; "" for what is always there. */
  readonly install: string
  /** Throws a CoppiceFailure `bad-input` for an option, mode or prompt that it cannot take. */
  launch(request: LaunchRequest): LaunchPlan
  readTitle?: TitleReader
  /**
   * The conversation that a resume goes on with, looked up in the agent's own files; null where there is none, and a resume
   * starts from the first prompt. `known` is the session id that the run has so far. Without this function that one counts.
   */
  findSession?(place: SessionPlace): string | null
  /** A new reader for one attempt's events. */
  transcript?(): AgentReader
  judge(ending: Ending): Outcome
  /** The version in what `--version` printed; null where there is none. */
  version?(stdout: string): string | null
}
