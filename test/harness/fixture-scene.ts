// The scripted states of the fixture: nine runs in nine states with a screen each, repeated under other names where more are asked
// for; awkward ones (long names, hostile text, unknown facts) on request. Plain values; nothing happens by itself.
import type { Approval } from '../../app/model/approval.ts'
import { emptyLive, type Live, type Run } from '../../app/model/run.ts'
import { emptyState, type State } from '../../app/model/state.ts'

export interface FixtureOptions {
  readonly runs?: number
  /** No repository at all: the first screen. */
  readonly empty?: boolean
  readonly awkward?: boolean
  /** How long an attach takes, in milliseconds. */
  readonly attachMs?: number
  readonly echo?: boolean
}

export interface Scene {
  readonly state: State
  readonly live: Record<string, Live>
  readonly screens: Record<string, { cols: number; rows: number; text: string }>
}

const now = Date.now()
const s = 1000
const m = 60 * s
const h = 60 * m
const GB = 1e9

const c = {
  k: '\u001b[90m',
  r: '\u001b[31m',
  g: '\u001b[32m',
  y: '\u001b[33m',
  b: '\u001b[34m',
  p: '\u001b[35m',
  c: '\u001b[36m',
  w: '\u001b[1;97m',
  a: '\u001b[48;2;18;38;26m',
  d: '\u001b[48;2;44;24;23m',
  o: '\u001b[0m',
}

const base: Run = {
  id: 'run',
  title: 'Run',
  repositoryId: 'ledger-api',
  agent: 'claude',
  commandLine: null,
  mode: 'interactive',
  options: {},
  prompt: null,
  baseRef: null,
  fromBranch: null,
  wantedBranch: null,
  setup: 'ask',
  install: true,
  phase: 'running',
  during: null,
  resolvedBase: 'refs/remotes/origin/main',
  baseCommit: '3f9c2e1d0b8a7f6e5d4c3b2a190817263544aabb',
  baseFetchedAt: now - 6 * m,
  branch: null,
  branchIsOurs: true,
  worktree: null,
  worktreePresence: 'present',
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
  createdAt: now - h,
  settledAt: null,
}

const observed = (value: number | null, why?: string) => ({ value, observedAt: now - 20 * s, ...(why ? { why } : {}) })

interface Sketch {
  readonly id: string
  readonly title: string
  readonly run?: Partial<Run>
  readonly live?: Partial<Live>
  readonly minutes: number
  readonly changes?: readonly [number, number]
  readonly gigabytes?: number
  readonly screen: string
  readonly size?: readonly [number, number]
}

const sketches: readonly Sketch[] = [
  {
    id: 'paginate-transactions',
    title: 'Paginate /transactions',
    minutes: 8,
    changes: [142, 38],
    gigabytes: 1.2,
    live: {
      activity: { state: 'working', source: 'event', since: now - 14 * s, provenAt: now - 1 * s },
      lastOutputAt: now - s,
    },
    screen: `${c.k}>${c.o} Add cursor pagination to GET /transactions. Keep offset working.

${c.c}●${c.o} Read ${c.w}src/routes/transactions.ts${c.o}

${c.c}●${c.o} I will page by the newest row seen. With offsets, two rows
  with the same time could be skipped. The cursor will
  carry (created_at, id).

${c.c}●${c.o} Edit ${c.w}src/routes/transactions.ts${c.o}
  ${c.k} 61${c.o}   const limit = clamp(q.limit, 1, 200);
  ${c.d} 62 - const rows = db.list({ offset, limit });   ${c.o}
  ${c.a} 62 + const after = readCursor(q.after);          ${c.o}
  ${c.a} 63 + const rows = db.listAfter({ after, limit });${c.o}
  ${c.k} 64${c.o}   return page(rows, limit);
${c.c}●${c.o} Edit ${c.w}src/db/list-after.ts${c.o}
${c.y}◒ Writing the query … 14 s · 3.1k tokens${c.o}`,
  },
  {
    id: 'retry-failed-webhooks',
    title: 'Retry failed webhooks',
    minutes: 26,
    changes: [318, 44],
    gigabytes: 1.3,
    run: {
      phase: 'exited',
      settledAt: now - 11 * m,
      exit: { code: 0, signal: null },
      outcome: { result: 'succeeded', reason: 'Finished its turn', turns: 12, costUsd: 0.84 },
    },
    live: { dirty: observed(2), ahead: observed(2) },
    screen: `${c.c}●${c.o} Run ${c.w}git commit -m "Retry failed webhooks"${c.o}
  ${c.k}└ [agent/retry-webhooks 8c41f0e] 9 files changed${c.o}

${c.c}●${c.o} Failed deliveries now go to a retry table and are sent
  again with back-off and jitter. One decision for you:
  a 410 stops at once, because the receiver is gone.

${c.k}──────────────────────────────────────────────────${c.o}
> `,
  },
  {
    id: 'invoice-page-breaks',
    title: 'Invoice PDF page breaks',
    minutes: 14,
    changes: [75, 25],
    gigabytes: 0.9,
    run: { agent: 'codex', repositoryId: 'storefront' },
    live: {
      activity: {
        state: 'waiting',
        kind: 'question',
        source: 'hook',
        since: now - 38 * s,
        provenAt: now - 38 * s,
        message: 'Which page size for customers without a country? 1 A4 · 2 US Letter · 3 By billing address',
      },
      lastOutputAt: now - 38 * s,
    },
    screen: `${c.p}exec${c.o} pnpm tsx scripts/render-samples.ts
  ${c.g}0 have a split line${c.o}

${c.p}codex${c.o}
Customers without a country have no page size. Before
I write the default I need your choice.`,
  },
  {
    id: 'rotate-signing-keys',
    title: 'Rotate webhook signing keys',
    minutes: 19,
    changes: [96, 12],
    gigabytes: 1.2,
    run: {
      prompt: {
        head: 'Rotate the webhook signing keys without downtime: accept the old and the new key for 48 hours, then refuse the old one. Tenants must not have to do anything.',
        bytes: 158,
        sha256: 'x',
      },
    },
    live: {
      activity: {
        state: 'waiting',
        kind: 'permission',
        source: 'hook',
        since: now - (4 * m + 12 * s),
        provenAt: now - (4 * m + 12 * s),
        message:
          'Wants to run, outside the sandbox: psql "$STAGING_URL" --single-transaction -f migrations/0042_rotate_keys.sql',
      },
      lastOutputAt: now - 4 * m,
      processes: observed(2),
    },
    screen: `${c.c}●${c.o} One key per tenant is looked up by tenant id. I will allow
  two live rows for a while and mark the older one.

${c.c}●${c.o} Write ${c.w}migrations/0042_rotate_keys.sql${c.o}
  ${c.a} 1 + alter table signing_key                              ${c.o}
  ${c.a} 2 +   add column retired_at timestamptz;                 ${c.o}
  ${c.a} 3 + create unique index signing_key_live                 ${c.o}
${c.c}●${c.o} Run ${c.w}pnpm test keys${c.o}
  ${c.g}✓${c.o} verifies with the old key for 48 hours
  ${c.g}✓${c.o} refuses the old key after that
  ${c.w}Tests  12 passed${c.o} ${c.k}(12)${c.o}

${c.c}●${c.o} The tests use a local database. I would like to try the
  migration on staging, in one transaction.
${c.y}◑ Waiting for permission${c.o}`,
  },
  {
    id: 'settings-dark-mode',
    title: 'Dark mode for settings',
    minutes: 31,
    changes: [80, 78],
    gigabytes: 0.8,
    run: { agent: 'gemini', repositoryId: 'storefront' },
    live: {
      activity: { state: 'working', source: 'output', since: now - 10 * m, provenAt: now - (6 * m + 20 * s) },
      lastOutputAt: now - (6 * m + 20 * s),
      processes: observed(4),
    },
    screen: `${c.b}✦${c.o} I'll move the colours of the settings pages to the
  shared tokens.

${c.b}Edit${c.o}        src/settings/Team.css      ${c.g}+31${c.o} ${c.r}-29${c.o}
${c.b}Edit${c.o}        src/settings/Keys.css      ${c.g}+9${c.o} ${c.r}-9${c.o}

${c.b}✦${c.o} Now the screenshots, to compare both themes.

${c.b}Shell${c.o}       npm run shots -- settings
  ${c.k}> storefront@4.11.0 shots${c.o}
  ${c.k}> node tools/shots.mjs settings${c.o}

  starting preview server on 127.0.0.1:4173
  opening /settings/profile`,
  },
  {
    id: 'dev-server',
    title: 'Dev server',
    minutes: 180,
    gigabytes: 1.1,
    run: { agent: 'shell' },
    live: { lastOutputAt: now - 9 * s },
    screen: `${c.g}ledger-api${c.o} ${c.b}agent/dev-server${c.o} $ git log --oneline -5
${c.y}3f9c2e1${c.o} Cap the export at 50,000 rows
${c.y}b20a7d4${c.o} Show the failing job in the build mail
${c.y}91e5c80${c.o} Use one clock in the billing tests
${c.y}5d7714a${c.o} Drop the unused currency table
${c.y}0c3be92${c.o} Raise the pool to 20 connections

${c.g}ledger-api${c.o} ${c.b}agent/dev-server${c.o} $ pnpm dev
  api      ready on http://127.0.0.1:3000   ${c.k}812 ms${c.o}
  worker   ready, 4 queues                  ${c.k}334 ms${c.o}
${c.k}14:20:41${c.o} GET  /health             ${c.g}200${c.o}   2 ms
${c.k}14:21:07${c.o} GET  /transactions       ${c.g}200${c.o}  38 ms
${c.k}14:21:33${c.o} GET  /transactions?page=2 ${c.g}200${c.o}  35 ms
`,
  },
  {
    id: 'node-24',
    title: 'Upgrade to Node 24',
    minutes: 12,
    changes: [3, 3],
    gigabytes: 1.0,
    run: {
      agent: 'codex',
      repositoryId: 'storefront',
      phase: 'exited',
      settledAt: now - 3 * m,
      exit: { code: 1, signal: null },
      outcome: { result: 'failed', reason: 'Model service did not answer, 5 tries' },
    },
    screen: `${c.p}codex${c.o}
I will look at the two suites next.

${c.r}✗${c.o} stream error: connection reset, retry 1 of 5 in 1 s
${c.r}✗${c.o} stream error: connection reset, retry 2 of 5 in 2 s
${c.r}✗${c.o} stream error: connection reset, retry 3 of 5 in 4 s
${c.r}✗${c.o} stream error: connection reset, retry 4 of 5 in 8 s
${c.r}✗${c.o} stream error: connection reset, retry 5 of 5 in 16 s
${c.r}error: the model service did not answer${c.o}`,
  },
  {
    id: 'offline-map-tiles',
    title: 'Offline map tiles',
    minutes: 1,
    gigabytes: 0.4,
    run: {
      phase: 'preparing',
      repositoryId: 'fieldnotes',
      attempts: [],
      stages: [
        {
          stage: 'worktree',
          status: 'done',
          startedAt: now - 41 * s,
          endedAt: now - 39.9 * s,
          text: 'Worktree from origin/main at 77ab01c',
        },
        {
          stage: 'copy',
          status: 'done',
          startedAt: now - 39.9 * s,
          endedAt: now - 39.8 * s,
          text: '3 files copied by .worktreeinclude',
        },
        { stage: 'install', status: 'running', startedAt: now - 38 * s, endedAt: null, text: 'pnpm install' },
      ],
    },
    live: {
      progress: { stage: 'install', text: 'pnpm install', done: 412, total: 1038, unit: 'packages' },
      lastOutputAt: now - s,
    },
    screen: `${c.k}Lockfile is up to date, resolution step is skipped${c.o}
Packages: ${c.g}+1038${c.o}
${c.g}++++++++++++++++++++++++++++++++++++++++++++${c.o}
${c.k}Packages are hard linked from the content-addressable
store to the virtual store.${c.o}
Progress: resolved ${c.w}1038${c.o}, reused ${c.w}391${c.o}, downloaded ${c.w}21${c.o},
added ${c.w}412${c.o}`,
  },
  {
    id: 'flaky-upload-test',
    title: 'Flaky upload test',
    minutes: 2,
    run: {
      agent: 'codex',
      phase: 'queued',
      repositoryId: 'fieldnotes',
      attempts: [],
      worktreePresence: 'none',
      prompt: {
        head: 'upload.test.ts fails about one time in twenty on CI. Find out why, prove it with a loop of 200 runs, then fix the cause. Do not add a retry.',
        bytes: 143,
        sha256: 'x',
      },
    },
    live: { queuePosition: 2, queueReason: 'fieldnotes runs 1 of 1 at once. Before this one: Offline map tiles.' },
    screen: '',
  },
]

const hostile =
  'Ünïcode ‮evil‬ <script>alert(1)</script> $(id) "quotes" and a title that goes on for much longer than any tile is wide'

const awkward: readonly Sketch[] = [
  {
    id: 'hostile-title',
    title: hostile,
    minutes: 3,
    changes: [123456, 98765],
    run: { branch: 'agent/a-branch-with-a-name-that-is-far-too-long-for-the-foot-of-any-tile-at-all' },
    live: {
      activity: {
        state: 'waiting',
        kind: 'question',
        source: 'bell',
        since: now - 3 * h,
        provenAt: now - 3 * h,
        message: `${hostile} `.repeat(4),
      },
      sizeBytes: observed(null, 'du ended with 1'),
      added: observed(null, 'git ended with 128'),
      deleted: observed(null),
    },
    screen: 'one line only',
  },
  {
    id: 'needs-approval',
    title: 'Seed the database first',
    minutes: 1,
    run: { phase: 'queued', attempts: [], waitsFor: [{ approvalId: 'seed', since: now - 20 * s }] },
    screen: '',
  },
  {
    id: 'create-failed',
    title: 'Branch is taken',
    minutes: 1,
    run: {
      phase: 'failed',
      settledAt: now - 50 * s,
      attempts: [],
      worktreePresence: 'none',
      stages: [
        { stage: 'inspect', status: 'done', startedAt: now - 53 * s, endedAt: now - 52 * s, text: 'git 2.43, clean' },
        { stage: 'fetch', status: 'failed', startedAt: now - 52 * s, endedAt: now - 50 * s, text: 'Fetch origin/main' },
      ],
      failure: {
        code: 'git-failed',
        stage: 'fetch',
        retryable: true,
        detail: {
          command: 'fetch',
          lines: [
            'fatal: unable to access https://example.test/: Could not resolve host',
            'fatal: the remote end hung up unexpectedly',
          ],
        },
      },
    },
    screen: '',
  },
  {
    id: 'was-interrupted',
    title: 'Was running when the machine went down',
    minutes: 200,
    changes: [1, 0],
    gigabytes: 0.01,
    run: { phase: 'interrupted', during: 'running', settledAt: now - 12 * m },
    screen: 'half a sentence',
  },
  {
    id: 'gone-worktree',
    title: 'Its disk is not mounted',
    minutes: 60,
    run: { phase: 'exited', exit: { code: 0, signal: null }, settledAt: now - h, worktreePresence: 'missing' },
    screen: '',
  },
  {
    id: 'left-branch',
    title: 'Agent left its branch',
    minutes: 9,
    run: {
      phase: 'stopped',
      settledAt: now - 4 * m,
      agent: 'command',
      commandLine: 'my-agent --task "$COPPICE_PROMPT"',
    },
    live: { headBranch: { value: 'main', observedAt: now } },
    screen: 'Stopped.',
  },
]

function runOf(sketch: Sketch, index: number): Run {
  const branch = `agent/${sketch.id}`
  const phase = sketch.run?.phase ?? 'running'
  const started = now - sketch.minutes * m
  return {
    ...base,
    id: sketch.id,
    title: sketch.title,
    branch,
    worktree: phase === 'queued' ? null : `/home/you/.local/share/coppice/worktrees/ledger-api/${sketch.id}`,
    createdAt: now - 4 * h + index * s,
    attempts: [
      {
        number: 1,
        sessionId: `${sketch.id}.1`,
        startedAt: started,
        endedAt: sketch.run?.settledAt ?? null,
        pid: 48213,
        commandLine: 'claude --permission-mode manual "…"',
        prompt: null,
        exit: sketch.run?.exit ?? null,
        outcome: sketch.run?.outcome ?? null,
      },
    ],
    ...sketch.run,
  }
}

function liveOf(sketch: Sketch): Live {
  return {
    ...emptyLive,
    lastLine:
      sketch.screen
        .split('\n')
        .at(-1)
        ?.replace(/\u001b\[[\d;]*m/g, '')
        .trim() || null,
    ...(sketch.changes ? { added: observed(sketch.changes[0]), deleted: observed(sketch.changes[1]) } : {}),
    ...(sketch.gigabytes
      ? { sizeBytes: observed(sketch.gigabytes * GB), reclaimableBytes: observed(sketch.gigabytes * 0.7 * GB) }
      : {}),
    ...sketch.live,
  }
}

const seed: Approval = {
  id: 'seed',
  runId: 'needs-approval',
  repositoryId: 'ledger-api',
  request: {
    kind: 'setup',
    command: 'make seed && ./scripts/prepare-everything.sh --with-fixtures --database "$DATABASE_URL"',
    source: '.coppice.json',
  },
  hash: 'f00d',
  state: 'pending',
  requestedAt: now - 20 * s,
  decidedBy: null,
  decidedAt: null,
}

/** The scripted scene. */
export function scene(options: FixtureOptions): Scene {
  if (options.empty) {
    return {
      state: {
        ...emptyState,
        settings: {
          ...emptyState.settings,
          recentPaths: ['/home/you/code/ledger-api', '/home/you/code/storefront', '/home/you/code/apps/fieldnotes'],
        },
      },
      live: {},
      screens: {},
    }
  }
  const count = options.runs ?? 9
  const all: Sketch[] = []
  for (let i = 0; i < count; i++) {
    const sketch = sketches[i % sketches.length]!
    const round = Math.floor(i / sketches.length)
    all.push(
      round === 0
        ? sketch
        : {
            ...sketch,
            id: `${sketch.id}-${round + 1}`,
            title: `${sketch.title} ${round + 1}`,
            minutes: sketch.minutes + round,
          },
    )
  }
  if (options.awkward) all.push(...awkward)
  const repositories = Object.fromEntries(
    ['ledger-api', 'storefront', 'fieldnotes'].map((id, index) => [
      id,
      {
        id,
        name: id,
        path: `/home/you/code/${id}`,
        commonDir: `/home/you/code/${id}/.git`,
        addedAt: now - h + index,
        trusted: index === 0,
        approvedSetups: [],
        approvedInstalls: [],
        presence: 'present' as const,
        demo: false,
        remotes: [{ name: 'origin', url: `git@example.test:you/${id}.git` }],
      },
    ]),
  )
  return {
    state: {
      ...emptyState,
      seq: 100,
      repositories,
      runs: Object.fromEntries(all.map((sketch, index) => [sketch.id, runOf(sketch, index)])),
      approvals: options.awkward ? { seed } : {},
    },
    live: Object.fromEntries(all.map((sketch) => [sketch.id, liveOf(sketch)])),
    screens: Object.fromEntries(
      all.map((sketch) => [
        sketch.id,
        { cols: sketch.size?.[0] ?? 80, rows: sketch.size?.[1] ?? 24, text: sketch.screen.replace(/\n/g, '\r\n') },
      ]),
    ),
  }
}
