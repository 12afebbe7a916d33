// One line for every command: the contract's verb on the left, the function that does it on the right. The host's own commands
// (status, stop, serve, focus) are in own-commands, beside the sockets that they are about.
import { detectAgents } from '../agents/detect.ts'
import { fail, failureOf } from '../model/failure.ts'
import { Settings } from '../model/settings.ts'
import { loginEnvironment } from '../process/environment.ts'
import { decideApproval, listApprovals } from '../runs/approval/decide.ts'
import { previewApprovals } from '../runs/approval/preview.ts'
import { previewLaunch } from '../runs/attempt/attempt.ts'
import { readLogs } from '../runs/attempt/logs.ts'
import { resumeRun } from '../runs/attempt/resume.ts'
import { sendText } from '../runs/attempt/send.ts'
import { cancelRun, stopRun } from '../runs/attempt/stop.ts'
import { addComment, dropComment, editComment, listComments, sendComments } from '../runs/comment/comments.ts'
import { type Context, record, runOf } from '../runs/context.ts'
import { createRuns } from '../runs/create/create.ts'
import { startDemo } from '../runs/create/demo.ts'
import { createInPlace } from '../runs/create/in-place.ts'
import { examine } from '../runs/doctor.ts'
import { exportJournal } from '../runs/export-journal.ts'
import { branchName } from '../runs/names.ts'
import { look, weigh } from '../runs/observe.ts'
import { commitRun } from '../runs/publish/commit.ts'
import { openPullRequest, pushRun } from '../runs/publish/publish.ts'
import { startNow } from '../runs/queue.ts'
import { forgetPrompts, readPromptAgain, recentPrompts } from '../runs/recent-prompts.ts'
import * as repositories from '../runs/repositories.ts'
import { readChanges, readPatch } from '../runs/review/changes.ts'
import { readCommits } from '../runs/review/commits.ts'
import { readImage } from '../runs/review/image.ts'
import { markHunks, markSeen } from '../runs/review/mark.ts'
import { closeSide } from '../runs/side/close.ts'
import { openSide } from '../runs/side/open.ts'
import { previewRemoval } from '../runs/trash/preview-removal.ts'
import { removeRun } from '../runs/trash/remove.ts'
import { restoreRun } from '../runs/trash/restore.ts'
import { keepRun, listTrash, purgeRun } from '../runs/trash/trash.ts'
import type { RoomHandlers } from './room.ts'

/** The handlers of everything but the host's own commands. */
export function createHandlers(context: Context): RoomHandlers {
  const { journal } = context
  return {
    'host.doctor': () => examine(context),
    'settings.change': async ({ change }, { caller }) => {
      record(context, caller, {
        type: 'settings-changed',
        settings: Settings.parse({ ...journal.state.settings, ...change }),
      })
      context.pump()
      return {}
    },

    'repository.add': (input, { caller }) => repositories.addRepository(context, caller, input),
    'repository.forget': (input, { caller }) => repositories.forgetRepository(context, caller, input),
    'repository.trust': (input, { caller }) => repositories.trustRepository(context, caller, input),
    'repository.details': (input) => repositories.repositoryDetails(context, input),
    'repository.fetch': (input) => repositories.fetchRepository(context, input),
    'repository.branch-name': (input) => branchName(context, input),
    'directory.list': (input) => repositories.listDirectory(input),
    'demo.start': (_, { caller }) => startDemo(context, caller),
    'agent.list': async ({ refresh }) => {
      if (refresh) await loginEnvironment({ refresh })
      return { agents: await detectAgents(await context.environment(), { refresh }) }
    },
    'agent.preview': async (input) => {
      try {
        return { commandLine: await previewLaunch(context, input), problem: null }
      } catch (error) {
        const failure = failureOf(error)
        return { commandLine: '', problem: String(failure.detail?.message ?? failure.code) }
      }
    },

    'prompt.recent': async (input) => recentPrompts(context, input),
    'prompt.read': async (input) => readPromptAgain(context, input),
    'prompt.forget': async (input) => forgetPrompts(context, input),

    'approval.list': (input) => listApprovals(context, input),
    'approval.preview': (input) => previewApprovals(context, input),
    'approval.decide': (input, { caller }) => decideApproval(context, caller, input),

    'run.create': (input, { caller }) => {
      const { inPlace, repositoryId, ...request } = input
      if (inPlace !== undefined) return createInPlace(context, caller, { ...request, inPlace })
      if (repositoryId === undefined)
        throw fail('bad-input', { field: 'repositoryId', message: 'say in which repository, or in which folder' })
      return createRuns(context, caller, { ...request, repositoryId })
    },
    'run.cancel': (input, { caller }) => cancelRun(context, caller, input),
    'run.start-now': (input) => startNow(context, input),
    'run.stop': (input, { caller }) => stopRun(context, caller, input),
    'run.resume': (input, { caller }) => resumeRun(context, caller, input),
    'run.send': (input) => sendText(context, input),
    'run.rename': async ({ runId, title }, { caller }) => {
      record(context, caller, { type: 'run-renamed', runId: runOf(context, runId).id, title })
      return {}
    },
    'run.mark-reviewed': async ({ runId, reviewed }, { caller }) => {
      record(context, caller, { type: 'run-reviewed', runId: runOf(context, runId).id, reviewed })
      return {}
    },
    'comment.list': (input) => listComments(context, input),
    'comment.add': (input, { caller }) => addComment(context, caller, input),
    'comment.edit': (input, { caller }) => editComment(context, caller, input),
    'comment.drop': (input, { caller }) => dropComment(context, caller, input),
    'comment.send': (input, { caller }) => sendComments(context, caller, input),
    'review.changes': (input, { signal }) => readChanges(context, input, signal),
    'review.patch': (input, { signal }) => readPatch(context, input, signal),
    'review.image': (input, { signal }) => readImage(context, input, signal),
    'review.commits': (input, { signal }) => readCommits(context, input, signal),
    'review.mark': (input, { caller }) => markHunks(context, caller, input),
    'review.seen': (input) => markSeen(context, input),
    'session.open': (input, { caller }) => openSide(context, caller, input),
    'session.close': (input, { caller }) => closeSide(context, caller, input),
    'run.logs': (input) => readLogs(context, input),
    'run.commit': (input, { caller }) => commitRun(context, caller, input),
    'run.push': (input, { caller }) => pushRun(context, caller, input),
    'run.pull-request': (input, { caller }) => openPullRequest(context, caller, input),
    'run.measure': async ({ runId }) => {
      const run = runOf(context, runId)
      await Promise.all([look(context, run), weigh(context, run)])
      return {}
    },

    'run.preview-removal': (input) => previewRemoval(context, input),
    'run.remove': (input, { caller }) => removeRun(context, caller, input),
    'run.restore': (input, { caller }) => restoreRun(context, caller, input),
    'run.purge': (input, { caller }) => purgeRun(context, caller, input),
    'run.keep': (input, { caller }) => keepRun(context, caller, input),
    'trash.list': () => listTrash(context),

    'journal.read': async (input) => {
      const { records, more } = journal.read(input)
      return { records: [...records], more }
    },
    'journal.export': (input) => exportJournal(context, input),
  }
}
