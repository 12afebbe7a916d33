// The verb list: everything a client can ask of the host. Read this file first; each subject's file says what goes into and comes
// out of its verbs. host/serve parses inputs on every transport. A reply says only "accepted", a new id, or what was asked for; the
// screen shows what events say.
import type { z } from 'zod'
import * as agent from './agent.ts'
import * as approval from './approval.ts'
import * as cleanup from './cleanup.ts'
import * as comment from './comment.ts'
import * as host from './host.ts'
import * as journal from './journal.ts'
import * as prompt from './prompt.ts'
import * as publish from './publish.ts'
import * as repository from './repository.ts'
import * as review from './review.ts'
import * as run from './run.ts'
import * as session from './session.ts'
import type { Verb } from './verb.ts'

export const commands = {
  'host.status': host.status,
  'host.stop': host.stop,
  'host.doctor': host.doctor,
  'host.serve': host.serve,
  'host.focus': host.focus,
  'settings.change': host.changeSettings,

  'repository.add': repository.add,
  'repository.forget': repository.forget,
  'repository.trust': repository.trust,
  'repository.details': repository.details,
  'repository.fetch': repository.fetch,
  'repository.branch-name': repository.branchName,
  'directory.list': repository.listDirectory,
  'demo.start': repository.startDemo,

  'agent.list': agent.list,
  'agent.preview': agent.preview,

  'prompt.recent': prompt.recent,
  'prompt.read': prompt.read,
  'prompt.forget': prompt.forget,

  'approval.list': approval.list,
  'approval.preview': approval.preview,
  'approval.decide': approval.decide,

  'run.create': run.create,
  'run.cancel': run.cancel,
  'run.start-now': run.startNow,
  'run.stop': run.stop,
  'run.resume': run.resume,
  'run.send': run.send,
  'run.rename': run.rename,
  'run.logs': run.logs,
  'run.measure': run.measure,

  'session.open': session.open,
  'session.close': session.close,

  'run.mark-reviewed': review.markReviewed,
  'review.changes': review.changes,
  'review.patch': review.patch,
  'review.image': review.image,
  'review.commits': review.commits,
  'review.mark': review.mark,
  'review.seen': review.seen,

  'comment.list': comment.list,
  'comment.add': comment.add,
  'comment.edit': comment.edit,
  'comment.drop': comment.drop,
  'comment.send': comment.send,

  'run.commit': publish.commit,
  'run.push': publish.push,
  'run.pull-request': publish.pullRequest,

  'run.preview-removal': cleanup.previewRemoval,
  'run.remove': cleanup.remove,
  'run.restore': cleanup.restore,
  'run.keep': cleanup.keep,
  'run.purge': cleanup.purge,
  'trash.list': cleanup.listTrash,

  'journal.read': journal.read,
  'journal.export': journal.exportAll,
} as const satisfies Readonly<Record<string, Verb>>

export type Commands = typeof commands
export type CommandName = keyof Commands
export type CommandInput<N extends CommandName> = z.input<Commands[N]['input']>
export type CommandOutput<N extends CommandName> = z.output<Commands[N]['output']>

export const commandNames = Object.keys(commands) as CommandName[]
export const isCommandName = (name: string): name is CommandName => Object.hasOwn(commands, name)

/** Whether the verb only reads (see `Verb`). A verb that does not say so changes something, as far as anybody may assume. */
export const onlyReads = (name: CommandName): boolean => (commands[name] as Verb).reads === true

/** Whether the answer is written down, so that a client which lost it may ask again and gets the same one. */
export const keepsItsReply = (name: CommandName): boolean => {
  const verb: Verb = commands[name]
  return !verb.reads && !verb.unsaved
}
