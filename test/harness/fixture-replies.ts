// What the fixture answers to each command: plausible values, and events where the client waits for one. No command does anything.

import type { DetectedAgent } from '../../app/contract/commands/agent.ts'
import { type CommandName, commands } from '../../app/contract/commands/index.ts'
import { agentWords } from '../../app/model/agent.ts'
import type { Event, JournalRecord } from '../../app/model/event.ts'
import { fail } from '../../app/model/failure.ts'
import { slugOf } from '../../app/model/ids.ts'
import { emptyLive, type Live, type Run } from '../../app/model/run.ts'
import type { State } from '../../app/model/state.ts'
import type { createReview } from './fixture-review.ts'

export interface SentPrompt {
  readonly id: string
  readonly text: string
  readonly repositoryId: string
  readonly at: number
}

export interface Stage {
  readonly review: ReturnType<typeof createReview>
  readonly state: State
  readonly live: Record<string, Live>
  readonly records: readonly JournalRecord[]
  /** What was sent before, the newest first. */
  readonly prompts: { sent: readonly SentPrompt[] }
  emit(event: Event): void
  setLive(runId: string, change: Partial<Live>): void
}

const m = 60_000
const day = 24 * 60 * m

/** What was sent before, as the fixture begins. */
export const sentPrompts = (): SentPrompt[] => [
  { id: '1'.repeat(32), text: 'Fix the flaky upload test', repositoryId: 'ledger-api', at: Date.now() - 20 * m },
  { id: '2'.repeat(32), text: 'Stream the export\nand test it', repositoryId: 'ledger-api', at: Date.now() - 3 * day },
  { id: '3'.repeat(32), text: 'The cart loses items', repositoryId: 'storefront', at: Date.now() - 9 * day },
]

const agent = (
  name: DetectedAgent['name'],
  found: string | null,
  version: string | null,
  more: Partial<DetectedAgent> = {},
): DetectedAgent => ({
  name,
  ...agentWords[name],
  found,
  version,
  modes: ['interactive', 'headless'],
  options: ['model', 'permissionMode', 'allowedTools', 'maxTurns', 'maxBudgetUsd', 'extraArguments'],
  permissionModes: ['default', 'acceptEdits', 'plan'],
  problem: null,
  install: null,
  ...more,
})

export const agents: readonly DetectedAgent[] = [
  agent('claude', '/usr/local/bin/claude', '2.1.330'),
  agent('codex', '/usr/local/bin/codex', '0.169.0', { options: ['model'], permissionModes: [] }),
  agent('gemini', '/usr/local/bin/gemini', '0.61.0', {
    problem: 'sign in first',
    modes: ['interactive'],
    options: [],
  }),
  agent('opencode', null, null, { install: 'npm install -g opencode-ai' }),
  agent('cursor', null, null, { install: 'see cursor.com/cli' }),
  agent('shell', '/bin/zsh', null, { modes: ['interactive'], options: [] }),
  agent('command', null, null, { modes: ['interactive', 'headless'], options: [] }),
]

/** Throws a CoppiceFailure where a real host would refuse. */
export function answer(name: CommandName, input: unknown, stage: Stage): unknown {
  const { state, emit } = stage
  const given = (input ?? {}) as Record<string, unknown>
  const runId = String(given.runId ?? '')
  const run = state.runs[runId]
  switch (name) {
    case 'agent.list':
      return { agents }
    case 'agent.preview':
      return {
        commandLine:
          given.agent === 'command'
            ? String(given.commandLine ?? '')
            : `${given.agent} --permission-mode manual --settings <this run> "${String(given.prompt ?? '').slice(0, 40)} …"`,
        problem: null,
      }
    case 'prompt.recent': {
      const words = String(given.search ?? '').toLowerCase()
      const prompts = stage.prompts.sent.filter(
        (one) =>
          one.text.toLowerCase().includes(words) &&
          (given.repositoryId === undefined || one.repositoryId === given.repositoryId),
      )
      return { prompts: prompts.map(({ text, ...one }) => ({ ...one, head: text, bytes: text.length })), more: 0 }
    }
    case 'prompt.read':
      return { text: stage.prompts.sent.find(({ id }) => id === given.promptId)?.text ?? '' }
    case 'prompt.forget':
      stage.prompts.sent =
        given.promptId === undefined ? [] : stage.prompts.sent.filter(({ id }) => id !== given.promptId)
      return {}
    case 'repository.details':
      return {
        id: given.repositoryId,
        headBranch: 'main',
        defaultBase: {
          ref: 'refs/remotes/origin/main',
          commit: '3f9c2e1d0b8a7f6e5d4c3b2a190817263544aabb',
          committedAt: Date.now() - 120 * m,
          fetchedAt: Date.now() - 6 * m,
        },
        remotes: [{ name: 'origin', url: 'git@example.test:you/ledger-api.git' }],
        branches: ['main', 'develop', 'release/4.1'].map((branch) => ({
          ref: `refs/heads/${branch}`,
          name: branch,
          remote: false,
          commit: '3f9c2e1',
          committedAt: Date.now() - 300 * m,
          checkedOutAt: branch === 'main' ? '/home/you/code/ledger-api' : null,
        })),
        copies: ['.env', '.env.test', 'certs/dev.pem'],
        install: {
          manager: 'pnpm',
          command: ['pnpm', 'install', '--frozen-lockfile'],
          lockFile: 'pnpm-lock.yaml',
          problem: null,
        },
        worktreeRoot: '/home/you/.local/share/coppice/worktrees/ledger-api',
        freeBytes: 148e9,
        running: 3,
        limit: 4,
      }
    case 'repository.branch-name': {
      const slug = slugOf(String(given.prompt ?? '')) || 'k3f9'
      const branch = String(given.branch ?? `agent/${slug}`)
      return {
        id: slug,
        branch,
        free: branch !== 'agent/taken',
        problem: branch.includes('..') ? 'git refuses ".." in a branch name' : null,
      }
    }
    case 'approval.preview':
      return {
        asked: [
          { request: { kind: 'setup', command: 'make seed', source: '.coppice.json' }, hash: 'abc', approved: false },
          {
            request: {
              kind: 'install',
              command: 'pnpm install --frozen-lockfile',
              source: 'pnpm-lock.yaml',
              runs: [
                'package.json, postinstall: node scripts/build-native.js',
                'pnpm-lock.yaml: install scripts of its packages',
              ],
            },
            hash: 'def',
            approved: false,
          },
        ],
      }
    case 'approval.list':
      return { approvals: Object.values(state.approvals).filter((one) => given.all || one.state === 'pending') }
    case 'approval.decide': {
      const approval = state.approvals[String(given.approvalId)]
      if (!approval) throw fail('not-found', { what: 'approval', id: String(given.approvalId) })
      if (approval.hash !== given.hash) throw fail('consent-stale', { names: [approval.request.command] })
      emit({
        type: 'approval-decided',
        runId: approval.runId,
        approvalId: approval.id,
        hash: approval.hash,
        decision: given.decision === 'allow' ? 'allowed' : 'denied',
        by: { user: 'you', via: 'browser' },
      })
      return {}
    }
    case 'repository.fetch':
      return { fetched: true, reason: null }
    case 'repository.add': {
      const path = String(given.path)
      if (!path.startsWith('/')) throw fail('not-a-repository', { path })
      const id = slugOf(path.split('/').at(-1) ?? 'repository')
      if (!state.repositories[id]) {
        emit({
          type: 'repository-added',
          repository: {
            id,
            name: id,
            path,
            commonDir: `${path}/.git`,
            addedAt: Date.now(),
            trusted: false,
            approvedSetups: [],
            approvedInstalls: [],
            presence: 'present',
            demo: false,
            remotes: [],
          },
        })
      }
      return { repositoryId: id }
    }
    case 'directory.list': {
      const path = String(given.path ?? '/home/you')
      const at = (entry: string, repository: boolean) => ({ name: entry, path: `${path}/${entry}`, repository })
      return {
        path,
        parent: path === '/' ? null : path.slice(0, path.lastIndexOf('/')) || '/',
        entries: path.endsWith('code')
          ? [at('ledger-api', true), at('notes', false), at('storefront', true)]
          : [at('code', false), at('Documents', false)],
      }
    }
    case 'run.create': {
      const sample = Object.values(state.runs)[0]
      if (!sample) throw fail('not-found')
      if (String(given.branch ?? '') === 'agent/taken')
        throw fail('branch-exists', { branch: 'agent/taken', suggestion: 'agent/taken-2' })
      const ids: string[] = []
      for (let copy = 1; copy <= Number(given.copies ?? 1); copy++) {
        const id = `${slugOf(String(given.prompt ?? given.agent)) || 'run'}-${state.seq + copy}`
        const created: Run = {
          ...sample,
          id,
          title: String(given.prompt ?? given.agent).slice(0, 80),
          agent: given.agent as Run['agent'],
          mode: (given.mode as Run['mode']) ?? 'interactive',
          phase: 'running',
          createdAt: Date.now(),
          settledAt: null,
          exit: null,
          outcome: null,
          failure: null,
          branch: `agent/${id}`,
          reviewed: false,
        }
        stage.live[id] = { ...emptyLive, lastOutputAt: Date.now() }
        emit({ type: 'run-queued', run: created })
        ids.push(id)
      }
      return { runIds: ids }
    }
    case 'session.open': {
      const number = (run?.sides?.length ?? 0) + 1
      const sessionId = `${runId}.side-${number}`
      const kind = given.kind as 'shell' | 'command' | 'agent'
      const title = String(given.commandLine ?? (kind === 'agent' ? given.agent : 'Shell'))
      const side = { number, sessionId, kind, agent: 'shell' as const, title, commandLine: title }
      const fresh = { startedAt: Date.now(), pid: null, endedAt: null, exit: null, closed: false }
      emit({ type: 'side-session-opening', runId, side: { ...side, ...fresh } })
      emit({ type: 'side-session-opened', runId, number, pid: 4242 })
      return { sessionId, number }
    }
    case 'session.close':
      emit({ type: 'side-session-ended', runId, number: Number(given.number), exit: { code: null, signal: 'SIGHUP' } })
      emit({ type: 'side-session-closed', runId, number: Number(given.number) })
      return {}
    case 'run.stop':
      emit({ type: 'run-stopping', runId })
      emit({
        type: 'attempt-ended',
        runId,
        number: 1,
        phase: 'stopped',
        exit: { code: null, signal: 'SIGTERM' },
        outcome: null,
      })
      return {}
    case 'run.cancel':
      emit({ type: 'run-cancelled', runId })
      return {}
    case 'run.start-now':
      emit({ type: 'run-preparing', runId })
      return {}
    case 'run.rename':
      emit({ type: 'run-renamed', runId, title: String(given.title) })
      return {}
    case 'run.mark-reviewed':
      emit({ type: 'run-reviewed', runId, reviewed: given.reviewed === true })
      return {}
    case 'review.changes':
      return stage.review.changes()
    case 'review.patch':
      return stage.review.patch(given.paths as string[])
    case 'review.mark':
      return stage.review.mark(given.marks as never, given.reviewed === true)
    case 'review.commits':
      return stage.review.commits()
    case 'review.seen':
      return {}
    case 'comment.list':
      return {
        comments: (run?.comments ?? []).map((comment) => ({
          comment,
          standing: { state: 'there', line: comment.start },
        })),
      }
    case 'comment.add': {
      const { path, side, start, end, quote, text } = commands['comment.add'].input.parse(given)
      const id = `c-${Math.random().toString(36).slice(2, 10)}`
      const comment = { id, path, side, start, end: end ?? start, quote: quote ?? [], text, createdAt: Date.now() }
      emit({ type: 'comment-added', runId, comment: { ...comment, sentAt: null } })
      return { commentId: id }
    }
    case 'comment.edit':
      emit({ type: 'comment-edited', runId, commentId: String(given.commentId), text: String(given.text) })
      return {}
    case 'comment.drop':
      emit({ type: 'comment-dropped', runId, commentId: String(given.commentId) })
      return {}
    case 'comment.send': {
      const waiting = (run?.comments ?? []).filter(({ sentAt }) => sentAt === null).map(({ id }) => id)
      emit({ type: 'comments-sent', runId, commentIds: waiting })
      return { sent: waiting.length, how: 'next-attempt' }
    }
    case 'run.preview-removal':
      return removal(runId)
    case 'run.remove': {
      if (!run) throw fail('not-found')
      const trash = {
        directory: '/trash',
        removedAt: Date.now(),
        sizeBytes: 1.3e9,
        rebuildableBytes: 0.9e9,
        rebuildableAt: Date.now() + 60 * m,
        rebuildableDropped: [],
        purgeAt: Date.now() + 7 * day,
        commitsOnlyHere: 2,
      }
      emit({ type: 'remove-ended', runId, trash, report: [], failure: null })
      const { rebuildableBytes, rebuildableAt, purgeAt, commitsOnlyHere } = trash
      return { report: [], freedNow: 0, rebuildableBytes, rebuildableAt, purgeAt, commitsOnlyHere }
    }
    case 'run.restore':
      emit({
        type: 'restore-ended',
        runId,
        worktree: run?.worktree ?? '/w',
        branch: run?.branch ?? null,
        report: [],
        failure: null,
      })
      return { report: [], worktree: run?.worktree ?? '/w' }
    case 'run.purge':
      if (given.consent === undefined)
        throw fail('consent-needed', { names: ['2 commits exist nowhere else'], consent: 'ok' })
      emit({ type: 'purge-ended', runId, freedBytes: 1.3e9, report: [], failure: null })
      return { freedBytes: 1.3e9 }
    case 'run.push':
      if (runId === 'invoice-page-breaks')
        throw fail('push-refused', {
          remote: 'origin',
          message: 'protected branch hook declined',
          lines: [
            'remote: error: GH006: Protected branch update failed',
            ' ! [remote rejected] agent/x -> agent/x (protected branch hook declined)',
          ],
        })
      emit({
        type: 'push-ended',
        runId,
        failure: null,
        delivery: {
          state: 'pushed',
          remote: 'origin',
          ref: `refs/heads/${run?.branch}`,
          sha: '8c41f0e2',
          pushedAt: Date.now(),
        },
      })
      return { remote: 'origin', ref: `refs/heads/${run?.branch}`, sha: '8c41f0e2d1', already: false }
    case 'run.pull-request':
      return { url: 'https://example.test/compare/main...agent', opened: true }
    case 'run.keep': {
      const purgeAt = Date.now() + 7 * day
      emit({ type: 'trash-kept', runId: String(given.runId), purgeAt })
      return { purgeAt }
    }
    case 'trash.list':
      return {
        entries: Object.values(state.runs)
          .filter((one) => one.phase === 'removed' && one.trash)
          .map((one) => ({
            runId: one.id,
            title: one.title,
            repository: '/home/you/code/ledger-api',
            branch: one.branch,
            removedAt: one.trash!.removedAt,
            sizeBytes: one.trash!.sizeBytes,
            rebuildableAt: one.trash!.rebuildableAt,
            purgeAt: one.trash!.purgeAt,
            waitsMs: one.trash!.purgeAt <= Date.now() ? 43 * 60_000 : null,
            commitsOnlyHere: one.trash!.commitsOnlyHere,
          })),
        sizeBytes: 1.3e9,
      }
    case 'journal.read': {
      const found = stage.records.filter(
        (record) =>
          (!given.runId || ('runId' in record.event && record.event.runId === given.runId)) &&
          (!given.before || record.seq < Number(given.before)),
      )
      const limit = Number(given.limit ?? 200)
      return { records: found.slice(0, limit), more: found.length > limit }
    }
    case 'journal.export':
      return {
        path: `/data/exports/journal.${given.format}`,
        records: stage.records.length,
        head: 'f'.repeat(64),
        bytes: 4096,
      }
    case 'settings.change':
      emit({ type: 'settings-changed', settings: { ...state.settings, ...(given.change as object) } })
      return {}
    case 'demo.start': {
      emit({
        type: 'repository-added',
        repository: {
          id: 'demo',
          name: 'demo',
          path: '/tmp/demo',
          commonDir: '/tmp/demo/.git',
          addedAt: Date.now(),
          trusted: false,
          approvedSetups: [],
          approvedInstalls: [],
          presence: 'present',
          demo: true,
          remotes: [],
        },
      })
      return { repositoryId: 'demo', runIds: [] }
    }
    default:
      return {}
  }
}

/** Three kinds of removal: nothing to lose, something only here, something unknown. */
function removal(runId: string) {
  const fact = (
    kind: string,
    count: number | null,
    text: string,
    names: string[],
    onlyHere: boolean,
    why?: string,
  ) => ({ kind, count, text, names, onlyHere, ...(why ? { why } : {}) })
  const facts =
    runId === 'dev-server'
      ? []
      : runId === 'settings-dark-mode'
        ? [
            fact('commits', null, 'Commits: unknown', [], true, 'git ended with 128: not a valid object name HEAD'),
            fact('untracked', 2, '2 files not tracked', ['notes.md', 'a b.txt'], true),
          ]
        : [
            fact('commits', 2, '2 commits on no remote', ['8c41f0e', '1d77b92'], true),
            fact('unstaged', 1, '1 file not committed', ['test/webhooks/retry.test.ts'], true),
            fact('untracked', 1, '1 file not tracked', ['notes.md'], true),
            fact('precious', 2, '2 ignored files that matter', ['.env', 'certs/dev.pem'], true),
            fact('processes', 1, 'Claude Code is open at its prompt', ['stopped first'], false),
          ]
  return {
    runId,
    facts,
    consent: `consent-${runId}`,
    safe: facts.length === 0,
    unknown: facts.some((one) => one.count === null),
    sizeBytes: 1.3e9,
    rebuildableBytes: 0.9e9,
    rebuildableAt: Date.now() + 60 * m,
    purgeAt: Date.now() + 7 * day,
  }
}
