import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launch, tileOf, until, type Visit, visit } from './page.ts'

let browser: Browser
let here: Visit
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
afterEach(() => here?.close())

const page = () => here.page

async function openForm() {
  await here.page.keyboard.press('n')
  const dialog = here.page.getByRole('dialog', { name: 'New run' })
  await dialog.waitFor()
  return dialog
}

describe('the New run form', () => {
  it('keeps its buttons on the screen at 200 %, and scrolls as one between title and buttons', async () => {
    here = await visit(browser, {}, { width: 720, height: 450 })
    const dialog = await openForm()
    for (const name of ['Cancel', 'Start run', 'Close']) {
      const box = (await dialog.getByRole('button', { name: new RegExp(`^${name}`) }).boundingBox())!
      expect(box.x, name).toBeGreaterThan(0)
      expect(box.x + box.width, name).toBeLessThan(720)
      expect(box.y + box.height, name).toBeLessThan(450)
    }
    const sideways = await dialog
      .locator('.cols')
      .evaluate((cols) => ({ wide: cols.scrollWidth - cols.clientWidth, tall: cols.scrollHeight > cols.clientHeight }))
    expect(sideways).toEqual({ wide: 0, tall: true })
    await dialog.getByText('Free disk space').scrollIntoViewIfNeeded()
    expect((await dialog.getByText('Free disk space').boundingBox())!.y).toBeLessThan(400)
    expect(here.complaints).toEqual([])
  })

  it('sends extra arguments as words, and waits for a quote that is not closed', async () => {
    here = await visit(browser)
    const dialog = await openForm()
    await dialog.getByText('Options', { exact: false }).first().click()
    const field = dialog.getByRole('textbox', { name: /^Extra arguments/ })
    await field.fill(`--add-dir '../my libs`)
    await dialog.getByText('A quote in the extra arguments is not closed').waitFor()
    expect(await dialog.getByRole('button', { name: /^Start run/ }).isDisabled()).toBe(true)
    await field.fill(`--add-dir '../my libs'`)
    await dialog.getByRole('button', { name: /^Start run/ }).click()
    const sent = await until(
      'created',
      () => here.fixture.calls.find(({ name }) => name === 'run.create'),
      (call) => call !== undefined,
    )
    expect(sent?.input).toMatchObject({ agent: 'claude', options: { extraArguments: ['--add-dir', '../my libs'] } })
  })

  it('goes back through the prompts of the repository by Up, and keeps what was typed', async () => {
    here = await visit(browser)
    const dialog = await openForm()
    const prompt = dialog.getByRole('textbox', { name: 'Prompt' })
    const holds = (text: string) => expect.poll(() => prompt.inputValue()).toBe(text)
    await page().keyboard.press('ArrowUp')
    await holds('Fix the flaky upload test')
    await page().keyboard.press('ArrowUp')
    await holds('Stream the export\nand test it')
    await page().keyboard.press('ArrowUp')
    await holds('Stream the export\nand test it')
    // The way down leads through its lines first.
    await page().keyboard.press('ArrowDown')
    await holds('Stream the export\nand test it')
    await page().keyboard.press('Control+End')
    await page().keyboard.press('ArrowDown')
    await holds('Fix the flaky upload test')
    await page().keyboard.press('ArrowDown')
    await holds('')
    await page().keyboard.type('mine')
    await page().keyboard.press('Home')
    await page().keyboard.press('ArrowUp')
    await holds('mine')
  })

  it('searches recent prompts, takes one by Enter, and forgets them', async () => {
    here = await visit(browser)
    const dialog = await openForm()
    await dialog.getByRole('button', { name: 'Recent prompts' }).click()
    const list = dialog.getByRole('list', { name: 'Recent prompts' })
    await expect.poll(() => list.getByRole('listitem').count()).toBe(2)
    await dialog.getByRole('button', { name: 'All', exact: true }).click()
    await expect.poll(() => list.getByRole('listitem').count()).toBe(3)
    await dialog.getByRole('textbox', { name: 'Search recent prompts' }).fill('cart')
    await expect.poll(() => list.getByRole('listitem').allTextContents()).toEqual([expect.stringContaining('The cart')])
    await page().keyboard.press('Enter')
    await expect.poll(() => dialog.getByRole('textbox', { name: 'Prompt' }).inputValue()).toBe('The cart loses items')
    expect(here.fixture.calls.some(({ name }) => name === 'run.create')).toBe(false)

    await dialog.getByRole('button', { name: 'Recent prompts' }).click()
    await expect.poll(() => list.getByRole('listitem').count()).toBe(2)
    await page().keyboard.press('ArrowDown')
    await page().keyboard.press('ArrowDown')
    await page().keyboard.press('Enter')
    await expect.poll(() => dialog.getByRole('textbox', { name: 'Prompt' }).inputValue()).toContain('Stream the export')

    await dialog.getByRole('button', { name: 'Recent prompts' }).click()
    await dialog.getByRole('button', { name: /^Forget this prompt: Fix the flaky/ }).click()
    await expect.poll(() => list.getByRole('listitem').count()).toBe(1)
    await dialog.getByRole('button', { name: 'Clear recent prompts' }).click()
    await dialog.getByRole('button', { name: 'Forget all' }).click()
    await dialog.getByText('No prompts yet. Each one that starts a run is listed here.').waitFor()
    expect(here.fixture.calls.filter(({ name }) => name === 'prompt.forget').map(({ input }) => input)).toEqual([
      { promptId: '1'.repeat(32) },
      {},
    ])
    // Escape closes the list alone.
    await page().keyboard.press('Escape')
    await list.waitFor({ state: 'detached' })
    expect(await dialog.isVisible()).toBe(true)
    expect(here.complaints).toEqual([])
  })
})

describe('copies of one prompt', () => {
  it('keep their number where their title is cut', async () => {
    here = await visit(browser, {}, { width: 1000 })
    const title = `${'Make the retry of failed webhooks wait longer each time '.repeat(2).trim()} · 2 of 3`
    here.fixture.emit({ type: 'run-renamed', runId: 'dev-server', title })
    const mark = tileOf(page(), 'dev-server').getByText('· 2 of 3', { exact: false }).last()
    await mark.waitFor()
    const head = (await tileOf(page(), 'dev-server').locator('.tile-title').boundingBox())!
    const box = (await tileOf(page(), 'dev-server').locator('.run-title .copy').boundingBox())!
    expect(box.x + box.width).toBeLessThanOrEqual(head.x + head.width + 1)
    expect(box.width).toBeGreaterThan(20)
  })
})
