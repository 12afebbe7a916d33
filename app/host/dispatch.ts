// Takes one command from a client to its handler: parsed, limited in size, answered once however often it is asked, with every way
// of failing turned into a Failure. It promises a reply for any input whatsoever and never throws. It knows no transport and no
// terminal.
import { type CommandName, commands, isCommandName, keepsItsReply, onlyReads } from '../contract/commands/index.ts'
import type { JournalRecord } from '../model/event.ts'
import { CoppiceFailure, type Failure, failureOf, systemFailureCode } from '../model/failure.ts'
import { maxPromptBytes } from '../model/run.ts'
import { canonicalJson, sha256 } from '../store/canonical.ts'
import type { Journal } from '../store/journal.ts'
import type { Reply } from '../store/replies.ts'
import type { Log } from './log.ts'
import type { CallContext, ClientInfo, Handlers } from './room.ts'

export interface Request {
  readonly name: string
  readonly commandId: string
  readonly input: unknown
  readonly client: ClientInfo
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal
}

export type Dispatch = (request: Request) => Promise<Reply>

export interface DispatchOptions {
  readonly journal: Pick<Journal, 'reply' | 'saveReply' | 'recordsOf'>
  readonly handlers: Handlers
  /** The operating-system user that the host runs as. */
  readonly user: string
  readonly log: Log
}

// A changing command answers with an id or a short report. What is larger comes from a verb that reads and does not say so: its
// answer is handed over, but never written into the database.
const maxKeptBytes = 1024 * 1024

// What the journal and the audit log can carry as one word.
const commandIdShape = /^[\x21-\x7e]{8,64}$/

/** Builds the one way to call a handler. */
export function createDispatch({ journal, handlers, user, log }: DispatchOptions): Dispatch {
  const underWay = new Map<string, { readonly inputHash: string; readonly reply: Promise<Reply> }>()

  async function run(name: CommandName, input: unknown, call: CallContext): Promise<Reply> {
    try {
      checkPrompt(input)
      const handler = handlers[name] as (input: unknown, call: CallContext) => Promise<unknown>
      return { value: await handler(input, call) }
    } catch (error) {
      if (!(error instanceof CoppiceFailure) && !systemFailureCode(error)) log.error(`${name} failed by a bug`, error)
      return { failure: failureOf(error) }
    }
  }

  async function runOnce(name: CommandName, input: unknown, inputHash: string, call: CallContext): Promise<Reply> {
    const commandId = call.caller.commandId ?? ''
    try {
      const before = journal.reply(commandId)
      if (before) return before.inputHash === inputHash ? before.reply : otherInput
      const caused = journal.recordsOf(commandId)
      if (caused[0] && caused[0].inputHash !== inputHash) return otherInput
      const recalled = recall(name, caused)
      if (recalled) return { value: recalled }
    } catch (error) {
      return { failure: failureOf(error) }
    }
    const reply = await run(name, input, call)
    try {
      journal.saveReply(commandId, inputHash, keepable(name, reply))
    } catch (error) {
      // The effect is done and in the journal; only a retry of this very command would not find its answer.
      log.warn(`the reply to ${name} could not be kept: ${String(error)}`)
    }
    return reply
  }

  function keepable(name: CommandName, reply: Reply): Reply {
    const bytes = Buffer.byteLength(JSON.stringify(reply))
    if (bytes <= maxKeptBytes) return reply
    log.error(`${name} answered with ${bytes} bytes, too many to keep: a verb that only reads says so in its table`)
    const message = 'what it did is done, and its answer was too large to keep'
    return { failure: { code: 'internal', retryable: false, detail: { message } } }
  }

  return async ({ name, commandId, input, client, signal }) => {
    if (!isCommandName(name)) return badInput('no such command', { command: name.slice(0, 64) })
    if (!commandIdShape.test(commandId)) return badInput('a command id is 8 to 64 printable characters')
    const parsed = commands[name].input.safeParse(input)
    if (!parsed.success) {
      const issue = parsed.error.issues[0]
      const field = (issue?.path ?? []).map(String).join('.').slice(0, 200)
      return badInput(field ? `${field}: ${issue?.message}` : (issue?.message ?? 'not as expected'), {
        command: name,
        field,
      })
    }
    const inputHash = sha256(canonicalJson({ input: parsed.data, name }))
    const caller = { actor: { user, via: client.via }, commandId, inputHash }
    if (!keepsItsReply(name)) return run(name, parsed.data, { caller, client, ...(onlyReads(name) ? { signal } : {}) })

    const running = underWay.get(commandId)
    if (running) return running.inputHash === inputHash ? running.reply : otherInput
    const reply = runOnce(name, parsed.data, inputHash, { caller, client })
    underWay.set(commandId, { inputHash, reply })
    try {
      return await reply
    } finally {
      underWay.delete(commandId)
    }
  }
}

// A host that was killed between a command's effect and its answer: what the command made is in the journal, and that is the answer.
function recall(name: CommandName, caused: readonly JournalRecord[]): unknown {
  if (name === 'session.open') {
    const side = caused.flatMap(({ event }) => (event.type === 'side-session-opening' ? [event.side] : []))[0]
    return side ? { sessionId: side.sessionId, number: side.number } : null
  }
  if (name !== 'run.create') return null
  const runIds = caused.flatMap(({ event }) => (event.type === 'run-queued' ? [event.run.id] : []))
  return runIds.length > 0 ? { runIds } : null
}

function checkPrompt(input: unknown): void {
  const prompt = (input as { prompt?: unknown }).prompt
  if (typeof prompt !== 'string') return
  const bytes = Buffer.byteLength(prompt)
  if (bytes <= maxPromptBytes) return
  throw new CoppiceFailure({ code: 'prompt-too-long', retryable: false, detail: { bytes, max: maxPromptBytes } })
}

const badInput = (message: string, detail: Record<string, string> = {}): { failure: Failure } => ({
  failure: { code: 'bad-input', retryable: false, detail: { ...detail, message: message.slice(0, 500) } },
})
const otherInput = badInput('this command id was used before, with another input')
