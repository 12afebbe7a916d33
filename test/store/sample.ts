// Events as a real history has them, for tests of the store and of serving: whole lives of runs, in order, with fixed dates.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { Event } from '../../app/model/event.ts'
import type { Repository } from '../../app/model/repository.ts'
import type { Run } from '../../app/model/run.ts'
import { type Database, openDatabase } from '../../app/store/database.ts'
import type { By } from '../../app/store/journal.ts'

export const epoch = Date.UTC(2026, 10, 22, 10, 0, 0)
export const by: By = { actor: { user: 'ada', via: 'cli' }, commandId: null, inputHash: null }
export const byCommand = (commandId: string, inputHash = 'a'.repeat(64)): By => ({ ...by, commandId, inputHash })

export const repository = (id: string, change: Partial<Repository> = {}): Repository => ({
  id,
  name: id,
  path: `/home/ada/${id}`,
  commonDir: `/home/ada/${id}/.git`,
  addedAt: epoch,
  trusted: false,
  approvedSetups: [],
  approvedInstalls: [],
  presence: 'present',
  demo: false,
  remotes: [],
  ...change,
})

export const run = (id: string, change: Partial<Run> = {}): Run => ({
  id,
  title: `Title of ${id}`,
  repositoryId: 'shop',
  agent: 'claude',
  commandLine: null,
  mode: 'interactive',
  options: {},
  prompt: { head: 'Fix the thing', bytes: 13, sha256: 'b'.repeat(64) },
  baseRef: null,
  fromBranch: null,
  wantedBranch: null,
  setup: 'ask',
  install: true,
  phase: 'queued',
  during: null,
  resolvedBase: null,
  baseCommit: null,
  baseFetchedAt: null,
  branch: `agent/${id}`,
  branchIsOurs: true,
  worktree: null,
  worktreePresence: 'none',
  stages: [],
  attempts: [],
  agentSession: null,
  failure: null,
  exit: null,
  outcome: null,
  delivery: { state: 'local' },
  trash: null,
  intent: null,
  reviewed: false,
  createdAt: epoch,
  settledAt: null,
  ...change,
})

/** The life of one run, from the queue to its end and the push of what it made: 13 events. */
export function lifeOf(id: string, sha = '77ab01c'.padEnd(40, '0')): Event[] {
  const attempt = {
    number: 1,
    sessionId: `${id}.1`,
    startedAt: epoch,
    endedAt: null,
    pid: null,
    commandLine: 'claude "Fix the thing"',
    prompt: null,
    exit: null,
    outcome: null,
  }
  const stage = (name: 'inspect' | 'worktree') =>
    ({ stage: name, status: 'done', startedAt: epoch, endedAt: epoch + 5, text: `${name} is done` }) as const
  const path = `/data/worktrees/${id}`
  const ref = `refs/heads/agent/${id}`
  return [
    { type: 'run-queued', run: run(id) },
    { type: 'run-preparing', runId: id },
    { type: 'stage-changed', runId: id, record: stage('inspect') },
    {
      type: 'base-resolved',
      runId: id,
      resolvedBase: 'refs/remotes/origin/main',
      baseCommit: sha,
      baseFetchedAt: epoch,
    },
    {
      type: 'intended',
      runId: id,
      intent: { kind: 'worktree', path, branch: `agent/${id}`, commit: sha, branchIsOurs: true },
    },
    { type: 'worktree-made', runId: id },
    { type: 'stage-changed', runId: id, record: stage('worktree') },
    { type: 'attempt-starting', runId: id, attempt },
    { type: 'attempt-started', runId: id, number: 1, pid: 4242 },
    { type: 'agent-session-found', runId: id, agentSession: `session-${id}` },
    {
      type: 'attempt-ended',
      runId: id,
      number: 1,
      phase: 'exited',
      exit: { code: 0, signal: null },
      outcome: { result: 'succeeded', reason: 'Done' },
    },
    { type: 'intended', runId: id, intent: { kind: 'push', remote: 'origin', ref, sha } },
    {
      type: 'push-ended',
      runId: id,
      delivery: { state: 'pushed', remote: 'origin', ref, sha, pushedAt: epoch },
      failure: null,
    },
  ]
}

/** A clock that a test turns by hand; it goes on by one millisecond at each look. */
export function handClock(start = epoch) {
  let now = start
  return {
    now: () => now++,
    mono: () => now - start,
    advance(ms: number) {
      now += ms
    },
  }
}

/** A scratch directory per test, removed after it. */
export function scratch(): { make(): string } {
  const made: string[] = []
  afterEach(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
  })
  return {
    make() {
      const path = mkdtempSync(join(tmpdir(), 'coppice-test-'))
      made.push(path)
      return path
    },
  }
}

export const openIn = (directory: string): Database =>
  openDatabase(join(directory, 'journal.db'), { aside: join(directory, 'aside') })

/** Writes over every place in a file where `found` stands: a page keeps old copies of a row in its free space. */
export function overwrite(path: string, found: string, instead: string): void {
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf(found); at >= 0; at = bytes.indexOf(found, at + 1)) bytes.write(instead, at)
  writeFileSync(path, bytes)
}
