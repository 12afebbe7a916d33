// What the runs in the documentation's pictures are about: repositories, and for each run a shell script that prints what an agent
// would, changes and commits files for real, and says its state by OSC 7501. Plain values; screenshots.ts plays them.

export interface Scene {
  readonly id: string
  readonly title: string
  readonly repository: 'ledger-api' | 'storefront' | 'fieldnotes'
  readonly agent: 'claude' | 'codex' | 'gemini' | 'shell'
  readonly prompt?: string
  /** Bash, in the run's worktree, with the functions of `prelude`. */
  readonly script: string
}

/** Functions for the scripts: p (prints, colours by {letter}), state, lines (appends N numbered lines to a file), commit. */
export const prelude = String.raw`
p() { printf '%b' "$(cat | sed -e 's/{k}/\\e[90m/g;s/{r}/\\e[31m/g;s/{g}/\\e[32m/g;s/{y}/\\e[33m/g;s/{b}/\\e[34m/g;s/{p}/\\e[35m/g;s/{c}/\\e[36m/g;s/{w}/\\e[1m/g;s/{o}/\\e[0m/g')"; printf '\n'; }
state() {
  local more=''
  [ -n "$2" ] && more=":kind=$2"
  [ -n "$3" ] && more="$more:msg=$(printf %s "$3" | base64 -w0)"
  printf '\e]7501;state=%s:app=%s%s\e\\' "$1" "$AGENT" "$more"
}
lines() { mkdir -p "$(dirname "$1")"; for i in $(seq "$2"); do echo "line $i of $COPPICE_RUN"; done >> "$1"; }
commit() { git add -A && git commit -q -m "$1"; }
drop() { sed -i "1,$2d" "$1"; }
stay() { exec sleep 3600; }
working() { while :; do state working; printf '\r\e[33m◒ %s … \e[0m' "$1"; sleep 1; done; }
`

export const nine: readonly Scene[] = [
  {
    id: 'paginate-transactions',
    title: 'Paginate /transactions',
    repository: 'ledger-api',
    agent: 'claude',
    prompt: 'Add cursor pagination to GET /transactions. Keep offset working.',
    script: `lines src/db/list-after.ts 104; drop src/routes/transactions.ts 38; lines src/routes/transactions.ts 38; state working
p <<'E'
{k}>{o} Add cursor pagination to GET /transactions.
  Keep offset working.

{c}●{o} Read {w}src/routes/transactions.ts{o}

{c}●{o} I will page by the newest row seen. With offsets,
  two rows with the same time could be skipped. The
  cursor will carry (created_at, id).

{c}●{o} Edit {w}src/routes/transactions.ts{o}
  {k} 61{o}   const limit = clamp(q.limit, 1, 200);
  {r} 62 - const rows = db.list({ offset, limit });   {o}
  {g} 62 + const after = readCursor(q.after);         {o}
  {g} 63 + const rows = db.listAfter({ after, limit });{o}
  {k} 64{o}   return page(rows, limit);
{c}●{o} Edit {w}src/db/list-after.ts{o}
E
working 'Writing the query'`,
  },
  {
    id: 'retry-webhooks',
    title: 'Retry failed webhooks',
    repository: 'ledger-api',
    agent: 'claude',
    prompt: 'Retry failed webhook deliveries with back-off and jitter.',
    script: `lines src/webhooks/retry.ts 212; commit 'Add a retry table'; lines test/retry.test.ts 106; drop src/routes/transactions.ts 44; commit 'Retry failed webhooks'
p <<'E'
{c}●{o} Run {w}pnpm test webhooks{o}
  {g}✓{o} waits longer after each failure
  {g}✓{o} stops at once on 410
  {w}Tests  31 passed{o} {k}(31){o}

{c}●{o} Run {w}git commit -m "Retry failed webhooks"{o}
  {k}└ [agent/retry-webhooks 8c41f0e] 9 files changed{o}

{c}●{o} Failed deliveries now go to a retry table and are
  sent again with back-off and jitter. One decision for
  you: a 410 stops at once, because the receiver is gone.

{k}──────────────────────────────────────────────────{o}
> 
E
state done; stay`,
  },
  {
    id: 'invoice-page-breaks',
    title: 'Invoice PDF page breaks',
    repository: 'storefront',
    agent: 'codex',
    prompt: 'Invoices break a line item over two pages. Fix it.',
    script: `drop src/settings/team.css 25; lines src/settings/team.css 75; state working
p <<'E'
{p}codex{o}
The rows are measured before the fonts are loaded, so
the last row of a page can be split.

{p}exec{o} pnpm tsx scripts/render-samples.ts
  rendered 40 invoices, 3 languages
  {g}0 have a split line{o}

{p}codex{o}
Customers without a country have no page size. Before
I write the default I need your choice.

Which page size for customers without a country?
  {w}1{o} A4
  {w}2{o} US Letter
  {w}3{o} By billing address
E
state blocked question 'Which page size for customers without a country? 1 A4 · 2 US Letter · 3 By billing address'; stay`,
  },
  {
    id: 'rotate-signing-keys',
    title: 'Rotate webhook signing keys',
    repository: 'ledger-api',
    agent: 'claude',
    prompt: 'Rotate the webhook signing keys without downtime: accept the old and the new key for 48 hours.',
    script: `lines migrations/0042_rotate_keys.sql 40; drop src/routes/transactions.ts 12; lines src/routes/transactions.ts 56; state working
p <<'E'
{c}●{o} One key per tenant is looked up by tenant id. I will
  allow two live rows for a while and mark the older.

{c}●{o} Write {w}migrations/0042_rotate_keys.sql{o}
  {g} 1 + alter table signing_key                    {o}
  {g} 2 +   add column retired_at timestamptz;       {o}
  {g} 3 + create unique index signing_key_live       {o}
{c}●{o} Run {w}pnpm test keys{o}
  {g}✓{o} verifies with the old key for 48 hours
  {g}✓{o} refuses the old key after that
  {w}Tests  12 passed{o} {k}(12){o}

{c}●{o} The tests use a local database. I would like to try
  the migration on staging, in one transaction.
{y}◑ Waiting for permission{o}
E
state blocked permission 'Wants to run: psql "$STAGING_URL" --single-transaction -f migrations/0042_rotate_keys.sql'; stay`,
  },
  {
    id: 'settings-dark-mode',
    title: 'Dark mode for settings',
    repository: 'storefront',
    agent: 'gemini',
    prompt: 'Give the settings pages a dark mode, by the shared tokens.',
    script: `drop src/settings/team.css 29; lines src/settings/team.css 31; state working
p <<'E'
{b}✦{o} I'll move the colours of the settings pages to the
  shared tokens.

{b}Edit{o}        src/settings/team.css      {g}+31{o} {r}-29{o}

{b}✦{o} Now the screenshots, to compare both themes.

{b}Shell{o}       npm run shots -- settings
  {k}> storefront@4.11.0 shots{o}
  {k}> node tools/shots.mjs settings{o}

  starting preview server on 127.0.0.1:4173
  opening /settings/profile
E
stay`,
  },
  {
    id: 'dev-server',
    title: 'Dev server',
    repository: 'ledger-api',
    agent: 'shell',
    script: '',
  },
  {
    id: 'node-24',
    title: 'Upgrade to Node 24',
    repository: 'storefront',
    agent: 'codex',
    prompt: 'Upgrade to Node 24, and say what had to change.',
    script: `lines .nvmrc 3; drop src/settings/team.css 3; lines src/settings/team.css 3; state working
p <<'E'
{p}codex{o}
The build and 410 of 412 tests pass on Node 24. I will
look at the two suites next.

{r}✗{o} stream error: connection reset, retry 1 of 5 in 1 s
{r}✗{o} stream error: connection reset, retry 2 of 5 in 2 s
{r}✗{o} stream error: connection reset, retry 3 of 5 in 4 s
{r}✗{o} stream error: connection reset, retry 4 of 5 in 8 s
{r}✗{o} stream error: connection reset, retry 5 of 5 in 16 s
{r}error: the model service did not answer{o}
E
state error '' 'The model service did not answer, 5 tries'; exit 1`,
  },
  {
    id: 'offline-map-tiles',
    title: 'Offline map tiles',
    repository: 'fieldnotes',
    agent: 'claude',
    prompt: 'Keep the last viewed map tiles for use without a network.',
    script: 'stay',
  },
  {
    id: 'flaky-upload-test',
    title: 'Flaky upload test',
    repository: 'fieldnotes',
    agent: 'codex',
    prompt:
      'upload.test.ts fails about one time in twenty on CI. Find out why, prove it with a loop of 200 runs, then fix the cause. Do not add a retry.',
    script: 'stay',
  },
]

/** What the shell of "Dev server" is typed. The programs are in the repository's bin folder. */
export const shellLines = ['git log --oneline -5', 'pnpm dev']

/** The set-up command of fieldnotes: what an install prints, and then waits. */
export const setupScript = `printf '\\e[90mLockfile is up to date, resolution step is skipped\\e[0m\\nPackages: \\e[32m+1038\\e[0m\\n\\e[32m++++++++++++++++++++++++++++++++++++++++++++\\e[0m\\n\\e[90mPackages are hard linked from the content-addressable\\nstore to the virtual store.\\e[0m\\nProgress: resolved \\e[1m1038\\e[0m, reused \\e[1m391\\e[0m, downloaded \\e[1m21\\e[0m, added \\e[1m412\\e[0m\\n'
exec sleep 3600
`

export const pnpm = `#!/bin/bash
printf '  api      ready on http://127.0.0.1:3000   \\e[90m812 ms\\e[0m\\n  worker   ready, 4 queues                  \\e[90m334 ms\\e[0m\\n'
i=0
while :; do
  printf '\\e[90m%s\\e[0m GET  /transactions?page=%s  \\e[32m200\\e[0m  %s ms\\n' "$(date +%H:%M:%S)" $((i % 9 + 1)) $((31 + i * 7 % 23))
  i=$((i + 1)); sleep 4
done
`

const tasks = [
  'Cap the export at 50,000 rows',
  'Show the failing job in the build mail',
  'One clock in the billing tests',
  'Drop the unused currency table',
  'Raise the pool to 20 connections',
  'Sort tags by last use',
  'Keep drafts over a reload',
  'Explain the tax line',
  'Alt text for product pictures',
  'Search by invoice number',
  'Sign out everywhere',
  'Log slow queries',
  'Round half to even',
  'Undo for deleted notes',
  'Compress photos before upload',
  'Import from CSV',
  'Document the webhook payload',
  'Delete expired sessions',
  'Faster cold start',
  'Keyboard order of the checkout',
  'Prices in two currencies',
  'A smaller base image',
  'Warn about a full mailbox',
]

/** Forty-one more, short: what is asked for in a list of fifty. */
export const more: readonly Scene[] = Array.from({ length: 41 }, (_, i) => {
  const again = i >= tasks.length
  const task = tasks[i % tasks.length]!
  const title = again ? `${task}, second try` : task
  const id = `${task.toLowerCase().replace(/[^a-z0-9]+/g, '-')}${again ? '-2' : ''}`
  const ends = [
    `printf 'Tests  %s passed\\n' ${12 + i}; commit 'Done'; state done; stay`,
    `printf 'Running the tests … \\n'; while :; do state working; sleep 2; done`,
    `printf 'Tests  %s passed\\n' ${30 + i}; commit 'Done'; exit 0`,
    `printf 'Reading src/routes/transactions.ts\\n'; while :; do state working; sleep 2; done`,
    `printf 'Tests  %s passed, committed\\n' ${8 + i}; commit 'Done'; exit 0`,
    `printf 'error: 2 of %s tests fail\\n' ${40 + i}; state error '' '2 of ${40 + i} tests fail'; exit 1`,
    `printf 'May I change the public type?\\n'; state blocked question 'May I change the public type? 1 Yes · 2 No'; stay`,
  ]
  return {
    id,
    title,
    repository: (['ledger-api', 'storefront', 'fieldnotes'] as const)[i % 3]!,
    agent: (['claude', 'codex', 'claude', 'gemini'] as const)[i % 4]!,
    prompt: `${title}.`,
    script: `lines src/change-${i}.ts ${((i * 37) % 190) + 3}; ${ends[i % ends.length]}`,
  }
})
