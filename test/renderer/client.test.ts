import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launch, textOf, tileOf, until, type Visit, visit } from './page.ts'

let browser: Browser
let here: Visit
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
afterEach(() => here?.close())

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms))
const renders = (page: Page) => page.evaluate(() => ({ ...window.coppiceRenders }))

describe('renders', () => {
  it('draws one tile for one run’s update, and none for what it prints', async () => {
    here = await visit(browser, {}, { before: 'window.coppiceRenders = {}' })
    const { page, fixture } = here
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('pnpm dev'),
    )
    await wait(500)
    const before = await renders(page)
    expect(Object.keys(before)).toHaveLength(9)
    fixture.print('dev-server', 'printed\r\n'.repeat(200))
    await until(
      'printed',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('printed'),
    )
    expect(await renders(page)).toEqual(before)
    fixture.emit({ type: 'run-renamed', runId: 'dev-server', title: 'Another name' })
    await tileOf(page, 'dev-server').getByRole('heading', { name: 'Another name' }).waitFor()
    const after = await renders(page)
    expect(Object.keys(after).filter((name) => after[name] !== before[name])).toEqual(['tile dev-server'])
  })

  it('draws fifty runs with at most four live terminals', async () => {
    here = await visit(browser, { runs: 50 })
    const { page, fixture } = here
    await until(
      'attached',
      () => fixture.attached().length,
      (n) => n > 0,
    )
    expect(fixture.attached().length).toBeLessThanOrEqual(4)
    expect(await page.locator('[data-row]').count()).toBeLessThan(50)
    await page.locator('[data-row="dev-server"]').click()
    await tileOf(page, 'dev-server').waitFor()
  })
})

describe('removing', () => {
  it('goes at once where nothing exists only here, keeps the place, and takes it back', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await tileOf(page, 'dev-server').focus()
    await page.keyboard.press('Delete')
    await page.locator('[data-ghost="dev-server"]').waitFor()
    expect(await page.getByRole('alertdialog').count()).toBe(0)
    const order = await page
      .locator('.grid > *')
      .evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.runId ?? (one as HTMLElement).dataset.ghost))
    expect(order.indexOf('dev-server')).toBe(5)
    await page.keyboard.press('z')
    await tileOf(page, 'dev-server').waitFor()
    expect(fixture.state.runs['dev-server']?.phase).not.toBe('removed')
  })

  it('names what would be lost, with the focus on keeping it', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await tileOf(page, 'retry-failed-webhooks').focus()
    await page.keyboard.press('Delete')
    const question = page.getByRole('alertdialog', { name: /^Remove/ })
    await question.waitFor()
    expect(await question.textContent()).toContain('2 commits on no remote')
    expect(await question.textContent()).toContain('certs/dev.pem')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Keep it')
    await page.keyboard.press('Enter')
    await question.waitFor({ state: 'detached' })
    expect(fixture.state.runs['retry-failed-webhooks']?.phase).toBe('exited')
  })

  it('refuses what is unknown until that is agreed to by itself', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await tileOf(page, 'settings-dark-mode').focus()
    await page.keyboard.press('Delete')
    const question = page.getByRole('alertdialog', { name: /^Remove/ })
    const go = question.getByRole('button', { name: 'Remove', exact: true })
    await go.waitFor()
    expect(await go.isDisabled()).toBe(true)
    await question.getByRole('checkbox').check()
    await go.click()
    await until(
      'removed',
      () => fixture.state.runs['settings-dark-mode']?.phase,
      (phase) => phase === 'removed',
    )
  })
})

describe('the line to the host', () => {
  it('is taken up again by itself; screens stay, marked with their time, and answers are off meanwhile', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('pnpm dev'),
    )
    await page.context().setOffline(true)
    fixture.drop()
    await page.getByText(/Connection to the host lost .* Agents keep running/).waitFor()
    expect(await textOf(page, 'dev-server')).toContain('pnpm dev')
    await tileOf(page, 'dev-server')
      .getByText(/as of \d\d:\d\d:\d\d/)
      .waitFor()
    expect(
      await tileOf(page, 'rotate-signing-keys')
        .getByRole('button', { name: /Answer/ })
        .isDisabled(),
    ).toBe(true)
    fixture.print('dev-server', 'printed meanwhile')
    await page.context().setOffline(false)
    await page.locator('[data-link="connected"]').waitFor()
    await until(
      'caught up',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('printed meanwhile'),
    )
    expect(await page.getByText(/Connection to the host lost/).count()).toBe(0)
  })
})

describe('a new run', () => {
  it('starts by Enter from the prompt, with what the form shows', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await page.keyboard.press('n')
    const dialog = page.getByRole('dialog', { name: 'New run' })
    await dialog.getByRole('radio', { name: /Claude Code/ }).waitFor()
    await page.keyboard.type('Stream large exports')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.type('in constant memory')
    await dialog.getByPlaceholder(/agent\/stream-large-exports/).waitFor()
    await dialog.getByText(/claude --permission-mode manual/).waitFor()
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    const made = Object.values(fixture.state.runs).find((run) => run.title.startsWith('Stream large'))
    expect(made).toMatchObject({ agent: 'claude', mode: 'interactive' })
    expect(made?.title).toContain('\n')
  })

  it('says why it was refused and what to use instead, and keeps what was typed', async () => {
    here = await visit(browser)
    const { page } = here
    await page.keyboard.press('n')
    const dialog = page.getByRole('dialog', { name: 'New run' })
    await dialog.getByRole('radio', { name: /Claude Code/ }).waitFor()
    await page.keyboard.type('Once more')
    await dialog.getByLabel(/^New branch/).fill('agent/taken')
    await dialog.getByText('agent/taken exists already').waitFor()
    await dialog.getByRole('button', { name: /^Start run/ }).click()
    await dialog.getByRole('alert').waitFor()
    await dialog.getByRole('button', { name: 'Use agent/taken-2' }).click()
    expect(await dialog.getByLabel(/^New branch/).inputValue()).toBe('agent/taken-2')
    expect(await dialog.getByLabel(/^Prompt/).inputValue()).toBe('Once more')
  })

  it('shows the exact options of a headless agent, and needs a prompt for it', async () => {
    here = await visit(browser)
    const { page } = here
    await page.keyboard.press('n')
    const dialog = page.getByRole('dialog', { name: 'New run' })
    await dialog.getByRole('button', { name: 'Headless' }).click()
    for (const label of [/^Model/, /^Permission mode/, /^Allowed tools/, /^Maximum turns/, /^Budget/])
      await dialog.getByLabel(label).waitFor()
    expect(await dialog.getByRole('button', { name: /^Start run/ }).isDisabled()).toBe(true)
    await dialog.getByText('A headless agent needs a prompt').waitFor()
  })
})

describe('hostile text', () => {
  it('is shown as text in every place, and runs nowhere', async () => {
    const script = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
    here = await visit(browser, { awkward: true })
    const { page, fixture } = here
    fixture.emit({ type: 'run-renamed', runId: 'dev-server', title: script })
    fixture.setLive('dev-server', {
      title: script,
      lastLine: script,
      activity: { state: 'waiting', kind: 'question', message: script, source: 'bell', since: 1, provenAt: 1 },
    })
    fixture.say({ type: 'notice', level: 'error', text: script, next: script })
    await tileOf(page, 'dev-server')
      .getByRole('heading', { name: /onerror/ })
      .waitFor()
    await tileOf(page, 'dev-server').focus()
    await page.keyboard.press('m')
    await page
      .locator('.crumbbar')
      .getByText(/onerror/)
      .waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('l')
    await page.getByRole('heading', { name: 'Journal' }).waitFor()
    await wait(300)
    expect(await page.evaluate(() => 'pwned' in window)).toBe(false)
    expect(await page.locator('img').count()).toBe(0)
    expect(here.complaints).toEqual([])
  })

  it('never breaks the page’s own rules of content security', async () => {
    here = await visit(
      browser,
      {},
      {
        before:
          'window.broken = []; document.addEventListener("securitypolicyviolation", (event) => window.broken.push(event.violatedDirective + " " + event.blockedURI))',
      },
    )
    const { page } = here
    for (const key of ['n', ',', '?', 'Control+k', 'o']) {
      await page.keyboard.press(key)
      await page.getByRole('dialog').waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    expect(await page.evaluate(() => (window as unknown as { broken: string[] }).broken)).toEqual([])
    const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content')
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/script-src[^;]*unsafe/)
  })
})

describe('accessibility', () => {
  const check = async (page: Page) => {
    const { violations } = await new AxeBuilder({ page }).exclude('.xterm').analyze()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 140)).join(' | ')}`)
  }

  const themes = [
    ['dark', false],
    ['light', true],
  ] as const

  it.each(themes)('axe finds nothing on the grid and on one run, %s', async (_name, light) => {
    here = await visit(browser, { awkward: true }, { light })
    const { page } = here
    expect(await check(page), 'grid').toEqual([])
    await tileOf(page, 'rotate-signing-keys').focus()
    await page.keyboard.press('m')
    await page.getByRole('complementary', { name: 'Details' }).waitFor()
    expect(await check(page), 'one run').toEqual([])
  })

  it.each(themes)('axe finds nothing in the dialogs, %s', async (_name, light) => {
    here = await visit(browser, { runs: 2 }, { light })
    const { page } = here
    for (const [key, name] of [
      ['n', 'New run'],
      [',', 'Settings'],
      ['?', 'All keys'],
    ] as const) {
      await page.keyboard.press(key)
      await page.getByRole('dialog', { name }).waitFor()
      await wait(400)
      expect(await check(page), name).toEqual([])
      await page.keyboard.press('Escape')
      await page.getByRole('dialog', { name }).waitFor({ state: 'detached' })
    }
    await tileOf(page, 'retry-failed-webhooks').focus()
    await page.keyboard.press('Delete')
    await page.getByRole('alertdialog').waitFor()
    await wait(300)
    expect(await check(page), 'removal').toEqual([])
  })

  it.each(themes)('axe finds nothing in trash and journal, %s', async (_name, light) => {
    here = await visit(browser, { runs: 6 }, { light })
    const { page } = here
    await tileOf(page, 'dev-server').focus()
    await page.keyboard.press('Delete')
    await page.locator('[data-ghost]').waitFor()
    expect(await check(page), 'a place that was left').toEqual([])
    await page.keyboard.press('t')
    await page.getByRole('button', { name: /^Restore/ }).waitFor()
    expect(await check(page), 'trash').toEqual([])
    await page.keyboard.press('l')
    await page.getByRole('cell', { name: /Moved to the trash/ }).waitFor()
    expect(await check(page), 'journal').toEqual([])
    await page.getByRole('button', { name: /Moved to the trash/ }).click()
    await page.getByText('Before it', { exact: true }).waitFor()
    expect(await check(page), 'an entry of the journal').toEqual([])
  })

  it.each([false, true])('axe finds nothing on the first screen (light: %s)', async (light) => {
    here = await visit(browser, { empty: true }, { light })
    await here.page.getByText('Claude Code').first().waitFor()
    expect(await check(here.page)).toEqual([])
  })

  it('gives each tile a readable name and the facts that a program reads', async () => {
    here = await visit(browser)
    const tile = tileOf(here.page, 'rotate-signing-keys')
    expect(await tile.getAttribute('aria-label')).toBe(
      'Rotate webhook signing keys. Permission. Claude Code, agent/rotate-signing-keys.',
    )
    expect(await tile.getAttribute('data-phase')).toBe('running')
    expect(await tile.getAttribute('data-activity')).toBe('waiting')
    expect(await tile.getAttribute('data-attention')).toBe('permission')
  })

  it('takes the person to the next run that waits by one key, also out of a terminal', async () => {
    here = await visit(browser)
    const { page } = here
    await page.keyboard.press('.')
    await tileOf(page, 'rotate-signing-keys').and(page.locator('.is-focus')).waitFor()
    await page.keyboard.press('Enter')
    await page.locator('.is-typing').waitFor()
    await page.keyboard.press('Control+Shift+.')
    await tileOf(page, 'invoice-page-breaks').and(page.locator('.is-focus')).waitFor()
    await page.locator('.is-typing').waitFor({ state: 'detached' })
  })
})
