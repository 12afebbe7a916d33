import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launch, until, type Visit, visit } from './page.ts'

let browser: Browser
let here: Visit
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
afterEach(() => here?.close())

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
})
