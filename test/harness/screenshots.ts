// Makes the pictures of the documentation anew: `npm run build`, then `node test/harness/screenshots.ts [NAME …]` on the pinned Node. All in
// them is real (host, git, terminals, client) but the agents: `claude`, `codex` and `gemini` are scripts on the PATH of a HOME made for
// this, which print, edit and commit as the scenes say. Takes about three minutes: one of them has to be silent for ninety seconds.
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { poll } from './app-driver.ts'
import { chromiumOptions } from './chromium.ts'
import { ownGit } from './own-git.ts'
import { more, nine, pnpm, prelude, type Scene, setupScript, shellLines } from './screenshot-scenes.ts'
import { sleep, startHost } from './test-host.ts'
import { writeFiles } from './test-repo.ts'

const root = resolve(import.meta.dirname, '../..')
const images = join(root, 'docs/images')
const wanted = process.argv.slice(2)
/** The largest that a picture may be: pages that show it should stay quick. Bytes. */
const largest = 400_000

mkdirSync(images, { recursive: true })
const host = await startHost({ settings: { maxRunning: 60, maxRunningPerRepository: 60, lowDiskBytes: 0 } })
const browser = await chromium.launch(await chromiumOptions())
try {
  makeAgents()
  // The host asks the login shell once for its PATH.
  await host.kill()
  await host.restart()
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark' })
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  await page.goto((await host.call('host.serve', {})).url)
  await page.getByRole('heading', { name: 'Add a repository to begin' }).waitFor()
  await shoot(page, 'first-start')

  const repositories: Record<string, string> = {}
  for (const name of ['ledger-api', 'storefront', 'fieldnotes'] as const) {
    const { repositoryId } = await host.call('repository.add', { path: makeRepository(name) })
    repositories[name] = repositoryId
  }
  const start = async ({ id, title, agent, prompt, repository, script }: Scene, setup: 'run' | 'skip' = 'run') => {
    writeFileSync(join(host.home, 'scenes', `${id}.sh`), `AGENT=${agent}\n${prelude}\n${script}\n`)
    const repositoryId = repositories[repository]!
    const { asked } = setup === 'run' ? await host.call('approval.preview', { repositoryId }) : { asked: [] }
    const shown = asked.find(({ request }) => request.kind === 'setup')
    await host.call('run.create', {
      repositoryId,
      id,
      title,
      agent,
      setup,
      ...(shown ? { setupHash: shown.hash } : {}),
      install: false,
      ...(prompt === undefined ? {} : { prompt }),
    })
  }
  for (const scene of nine.slice(0, 8)) await start(scene)
  await host.untilPhase('node-24', 'exited', 60_000)
  // Seven are under way, and no more from here on: the ninth has to wait.
  await host.call('settings.change', { change: { maxRunning: 7, maxRunningPerRepository: 8 } })
  await start(nine[8]!)
  await host.untilPhase('dev-server', 'running')
  for (const text of shellLines) {
    await host.call('run.send', { runId: 'dev-server', text })
    await sleep(1000)
  }
  // The silence of "Dark mode for settings" becomes "Stalled?".
  await page.locator('article[data-run-id="settings-dark-mode"]').waitFor()
  const inGrid = wanted.length === 0 || wanted.some((name) => name.startsWith('grid'))
  await poll(
    'a stalled run',
    async () =>
      !inGrid ||
      (await page.locator('article[data-run-id="settings-dark-mode"]').getAttribute('data-attention')) === 'stalled' ||
      undefined,
    120_000,
  )
  await page.locator('article[data-run-id="paginate-transactions"] .tile-head').click()
  await page.mouse.move(0, 899)
  await sleep(1000)
  await shoot(page, 'grid')
  await page.emulateMedia({ colorScheme: 'light' })
  await sleep(500)
  await shoot(page, 'grid-light')
  await page.emulateMedia({ colorScheme: 'dark' })

  await page.locator('article[data-run-id="invoice-page-breaks"] .tile-head').click()
  await page.keyboard.press('m')
  await page.locator('.focus').waitFor()
  await sleep(1500)
  await shoot(page, 'focus')
  await page.keyboard.press('g')
  await page.locator('.grid').waitFor()

  await page.keyboard.press('n')
  const dialog = page.getByRole('dialog', { name: 'New run' })
  await dialog.waitFor()
  await dialog
    .getByRole('textbox', { name: /^Prompt/ })
    .fill(
      'Customers see 500 when they export more than 50,000 rows.\n\nStream the export instead of building it in memory. Add a test\nwith 100,000 rows. Do not change the columns.',
    )
  await sleep(2000)
  await shoot(page, 'new-run')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })

  await page.locator('article[data-run-id="node-24"] .tile-head').click()
  await page.keyboard.press('Delete')
  await page.getByRole('alertdialog', { name: /^Remove/ }).waitFor()
  await sleep(1000)
  await shoot(page, 'remove')
  await page.keyboard.press('Escape')

  await host.call('settings.change', { change: { maxRunning: 60, maxRunningPerRepository: 60 } })
  for (const scene of more) await start(scene, 'skip')
  await host.until(
    'fifty runs under way',
    () => more.every(({ id }) => !['queued', 'preparing', 'starting'].includes(host.run(id).phase)),
    120_000,
  )
  await page.locator('[data-row]').nth(20).waitFor()
  await page.locator('[data-row="paginate-transactions"]').click()
  await page.mouse.move(0, 899)
  await sleep(6000)
  await shoot(page, 'list-50')
} finally {
  await browser.close()
  await host.close()
}

async function shoot(page: Page, name: string): Promise<void> {
  if (wanted.length > 0 && !wanted.includes(name)) return
  const path = join(images, `${name}.png`)
  await page.screenshot({ path })
  const { size } = statSync(path)
  console.log(`${name}.png  ${Math.round(size / 1000)} kB`)
  if (size > largest) process.exitCode = 1
}

/** Scripts that are called as the agents are, first on the login shell's PATH. */
function makeAgents(): void {
  const bin = join(host.home, 'bin')
  mkdirSync(bin)
  mkdirSync(join(host.home, 'scenes'))
  const versions = { claude: '2.1.330 (Claude Code)', codex: 'codex-cli 0.169.0', gemini: '0.61.0' }
  for (const [name, version] of Object.entries(versions)) {
    writeFileSync(
      join(bin, name),
      `#!/bin/bash\nif [ "$1" = --version ]; then echo '${version}'; exit; fi\nexec bash '${host.home}/scenes/'"$COPPICE_RUN.sh"\n`,
      { mode: 0o755 },
    )
  }
  writeFileSync(join(bin, 'pnpm'), pnpm, { mode: 0o755 })
  const profile = `PATH="${bin}:$PATH"; GIT_PAGER=cat; export PATH GIT_PAGER\nPS1='\\[\\e[32m\\]ledger-api\\[\\e[0m\\] \\[\\e[34m\\]agent/dev-server\\[\\e[0m\\] $ '\n`
  for (const name of ['.bashrc', '.bash_profile']) writeFileSync(join(host.home, name), profile)
}

/** A repository with a history, a remote, and a set-up command where one is to be seen. */
function makeRepository(name: string): string {
  const path = join(host.home, 'code', name)
  const date = new Date(Date.now() - 3 * 3_600_000).toISOString()
  const env = { ...host.environment, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
  const git = (...args: string[]) => ownGit({ directory: path, args, environment: env })
  const lines = (what: string, many: number) => Array.from({ length: many }, (_, i) => `${what} ${i + 1}`).join('\n')
  mkdirSync(path, { recursive: true })
  git('init', '--quiet', '--initial-branch=main')
  writeFiles(path, {
    'README.md': `# ${name}\n`,
    'src/routes/transactions.ts': lines('// transactions', 140),
    'src/settings/team.css': lines('/* team', 90),
    'assets/fixture.bin': new Uint8Array(900_000).map((_, i) => (i * 2654435761) >>> 13),
    ...(name === 'fieldnotes'
      ? { '.coppice.json': '{ "setup": "sh tools/prepare.sh" }\n', 'tools/prepare.sh': setupScript }
      : {}),
  })
  git('add', '--all')
  git('commit', '--quiet', '--message', 'Begin')
  for (const message of [
    'Raise the pool to 20 connections',
    'Drop the unused currency table',
    'Use one clock in the billing tests',
    'Show the failing job in the build mail',
    'Cap the export at 50,000 rows',
  ]) {
    git('commit', '--quiet', '--allow-empty', '--message', message)
  }
  git('clone', '--quiet', '--bare', path, join(host.home, `${name}.git`))
  git('remote', 'add', 'origin', join(host.home, `${name}.git`))
  git('fetch', '--quiet', 'origin')
  git('remote', 'set-head', 'origin', '--auto')
  return path
}
