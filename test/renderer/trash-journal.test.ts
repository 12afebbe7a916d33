import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launch, tileOf, until, type Visit, visit } from './page.ts'

// The two boards beside the grid: what can still come back, and what happened.
let browser: Browser
let here: Visit | undefined
beforeAll(async () => {
  browser = await launch()
}, 180_000)
afterEach(async () => {
  await here?.close()
  here = undefined
})
afterAll(() => browser?.close())

async function removed(page: Page, runId: string): Promise<void> {
  await tileOf(page, runId).focus()
  await page.keyboard.press('Delete')
  await page.locator(`[data-ghost="${runId}"]`).waitFor()
}

describe('the trash', () => {
  it('has a row that the keys act on: Delete now by one key, asked about, and Restore by another', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await removed(page, 'dev-server')
    const { trash } = fixture.state.runs['dev-server']!
    const later = { ...trash!, removedAt: trash!.removedAt + 1, commitsOnlyHere: 0 }
    fixture.emit({ type: 'remove-ended', runId: 'paginate-transactions', trash: later, report: [], failure: null })
    await tileOf(page, 'retry-failed-webhooks').focus()
    await page.keyboard.press('t')
    const row = (runId: string) => page.locator(`tr[data-run-id="${runId}"]`)
    const chosen = page.locator('tr[aria-current="true"]')
    await row('dev-server').waitFor()
    expect(await row('dev-server').textContent()).toMatch(/2 commits only here.*when you delete it/)
    await until(
      'the newest is chosen',
      () => chosen.getAttribute('data-run-id'),
      (id) => id === 'paginate-transactions',
    )
    await page.keyboard.press('j')
    await until(
      'the next is chosen',
      () => chosen.getAttribute('data-run-id'),
      (id) => id === 'dev-server',
    )
    await page.keyboard.press('Delete')
    const question = page.getByRole('alertdialog', { name: /^Delete/ })
    await question.waitFor()
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Keep it')
    await page.keyboard.press('Escape')
    await question.waitFor({ state: 'detached' })
    expect(fixture.state.runs['dev-server']?.phase).toBe('removed')
    await page.keyboard.press('Delete')
    await question.getByRole('button', { name: /Delete now/ }).click()
    await page.getByText('2 commits exist nowhere else').first().waitFor()
    await question.getByRole('button', { name: /Delete now/ }).click()
    await until(
      'freed',
      () => fixture.state.runs['dev-server']?.phase,
      (phase) => phase === 'purged',
    )
    await page.getByText('1.3 GB freed now.').waitFor()
    await until(
      'the one that is left is chosen',
      () => chosen.getAttribute('data-run-id'),
      (id) => id === 'paginate-transactions',
    )
    await page.keyboard.press('Enter')
    await until(
      'restored',
      () => fixture.state.runs['paginate-transactions']?.phase,
      (phase) => phase !== 'removed',
    )
    // What had the focus in the grid was never touched.
    expect(fixture.state.runs['retry-failed-webhooks']?.phase).toBe('exited')
  })

  it('says what is due, and keeps it by one key', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await removed(page, 'dev-server')
    const { trash } = fixture.state.runs['dev-server']!
    const due = { ...trash!, commitsOnlyHere: 0, purgeAt: Date.now() - 1000 }
    fixture.emit({ type: 'remove-ended', runId: 'paginate-transactions', trash: due, report: [], failure: null })
    await tileOf(page, 'retry-failed-webhooks').focus()
    await page.keyboard.press('t')
    const row = page.locator('tr[data-run-id="paginate-transactions"]')
    await row.click()
    await row.getByText(/due; stays for 43 ?m/).waitFor()
    await page.keyboard.press('r')
    await page.getByText(/stays in the trash until/).waitFor()
    await row.getByText(/due; stays for/).waitFor({ state: 'detached' })
    expect(fixture.state.runs['paginate-transactions']?.trash?.purgeAt).toBeGreaterThan(Date.now() + 6 * 86_400_000)
  })

  it('is counted in the disk of the rail, an unknown size as such', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await removed(page, 'dev-server')
    const disk = page.locator('.disk')
    await disk.getByText('1.3 GB', { exact: true }).waitFor()
    const { trash } = fixture.state.runs['dev-server']!
    fixture.emit({
      type: 'remove-ended',
      runId: 'paginate-transactions',
      trash: { ...trash!, sizeBytes: null },
      report: [],
      failure: null,
    })
    await disk.getByText('1.3 GB+').waitFor()
  })
})

describe('the journal', () => {
  it('shows on demand what was done, why not, and what git said; and is exported', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    const said = 'fatal: cannot lock ref\n! [remote rejected] \u202etxt.exe'
    fixture.emit({
      type: 'remove-ended',
      runId: 'dev-server',
      trash: null,
      report: [{ what: '/w/dev-server', result: 'refused', reason: 'git said no' }],
      failure: { code: 'git-failed', retryable: false, detail: { message: said } },
    })
    await page.keyboard.press('l')
    const entry = page.getByRole('button', { name: /git/i, expanded: false }).first()
    await entry.waitFor()
    expect(await page.locator('.entry-facts').count()).toBe(0)
    await entry.click()
    const facts = page.locator('.entry-facts')
    await facts.waitFor()
    expect(await facts.locator('figure pre').textContent()).toBe(
      'fatal: cannot lock ref\n! [remote rejected] \\u{202e}txt.exe',
    )
    expect(await facts.textContent()).toContain('refused /w/dev-server: git said no')
    expect(await facts.textContent()).toContain('fixture, the host itself')
    await page.getByRole('button', { name: 'Export JSONL' }).click()
    await page.getByText(/\/data\/exports\/journal\.jsonl/).waitFor()
  })

  it('keeps what was paged to when something new happens', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    for (let n = 0; n < 450; n++) fixture.emit({ type: 'run-renamed', runId: 'dev-server', title: `Title ${n}` })
    await page.keyboard.press('l')
    const rows = page.locator('table.journal tbody tr')
    await until(
      'a page',
      () => rows.count(),
      (count) => count === 200,
    )
    await page.getByRole('button', { name: 'Older entries' }).click()
    await until(
      'two pages',
      () => rows.count(),
      (count) => count === 400,
    )
    fixture.emit({ type: 'run-renamed', runId: 'dev-server', title: 'The newest' })
    await page.getByRole('button', { name: 'Renamed to The newest' }).waitFor()
    expect(await rows.count()).toBe(401)
  })
})
