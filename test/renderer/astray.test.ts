import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launch, textOf, tileOf, until, type Visit, visit } from './page.ts'

// Keys, clicks and drops that once went somewhere else than the person meant.
let browser: Browser
let here: Visit
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
afterEach(() => here?.close())

async function takeKeys(page: Page, runId: string) {
  await tileOf(page, runId).locator('.xterm-screen').click()
  await tileOf(page, runId).and(page.locator('.is-typing')).waitFor()
}

const typedIn = (runId: string) => () => here.fixture.typed.get(runId) ?? ''

async function drawn(runId: string, text: string) {
  here.fixture.print(runId, text)
  const plain = text.replace(/\u001b\[[^a-zA-Z]*[a-zA-Z]/g, '').trimEnd()
  const last = plain.split('\r\n').at(-1)!
  await until(
    'drawn',
    () => textOf(here.page, runId),
    (shown) => shown.includes(last),
  )
}

describe('keys', () => {
  it('stay with the terminal that was clicked while the filter is open', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await page.keyboard.press('/')
    await page.keyboard.type('dev')
    const filter = page.getByRole('textbox', { name: 'Filter runs' })
    await takeKeys(page, 'dev-server')
    // The strip is drawn anew each time a run's state changes.
    for (const state of ['waiting', 'working', 'waiting'] as const)
      fixture.setLive('paginate-transactions', {
        activity: { ...fixture.live['paginate-transactions']!.activity!, state },
      })
    await page.getByRole('button', { name: '3 wait for you' }).waitFor()
    await page.keyboard.type('ls')
    await until('typed', typedIn('dev-server'), (text) => text === 'ls')
    expect(await filter.inputValue()).toBe('dev')
    await page.keyboard.press('Control+Shift+G')
    await page.keyboard.press('/')
    await page.keyboard.type('-server')
    expect(await filter.inputValue()).toBe('dev-server')
  })

  it('leave Alt alone to the terminal that has them', async () => {
    here = await visit(browser)
    const { page } = here
    await page.evaluate(() => {
      const seen: [string, boolean][] = []
      Object.assign(window, { seen })
      for (const name of ['keydown', 'keyup'])
        window.addEventListener(name, (event) => seen.push([name, event.defaultPrevented]))
    })
    const seen = () => page.evaluate(() => (window as unknown as { seen: [string, boolean][] }).seen.splice(0))
    await page.keyboard.press('Alt')
    expect(await seen()).toEqual([
      ['keydown', false],
      ['keyup', false],
    ])
    await takeKeys(page, 'dev-server')
    await page.keyboard.press('Alt')
    expect(await seen()).toEqual([
      ['keydown', true],
      ['keyup', true],
    ])
  })

  it('ask before they stop an agent that works', async () => {
    here = await visit(browser)
    const { page } = here
    const tile = tileOf(page, 'paginate-transactions')
    await tile.locator('.tile-head').click()
    await page.keyboard.press('s')
    const question = page.getByRole('alertdialog', { name: /^Stop/ })
    await question.waitFor()
    await page.keyboard.press('Enter')
    await question.waitFor({ state: 'detached' })
    expect(await tile.getAttribute('data-phase')).toBe('running')
    await page.keyboard.press('s')
    await question.getByRole('button', { name: 'Stop' }).click()
    await tile.and(page.locator('[data-phase="stopped"]')).waitFor()
  })

  it('stop an agent that waits without a question', async () => {
    here = await visit(browser)
    const tile = tileOf(here.page, 'invoice-page-breaks')
    await tile.locator('.tile-head').click()
    await here.page.keyboard.press('s')
    await tile.and(here.page.locator('[data-phase="stopped"]')).waitFor()
  })

  it('tell Shift+Enter from Enter where the program asked for that', async () => {
    here = await visit(browser)
    const { page } = here
    await takeKeys(page, 'dev-server')
    await page.keyboard.press('Shift+Enter')
    await until('plain', typedIn('dev-server'), (text) => text === '\r')
    await drawn('dev-server', '\u001b[>1uasked\r\n')
    await page.keyboard.press('Shift+Enter')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Control+c')
    await until('told apart', typedIn('dev-server'), (text) => text === '\r\u001b[13;2u\r\u001b[99;5u')
    await drawn('dev-server', '\u001b[<utaken back\r\n')
    await page.keyboard.press('Shift+Enter')
    await until('plain again', typedIn('dev-server'), (text) => text.endsWith('\u001b[99;5u\r'))
  })
})

describe('a prompt that was written', () => {
  it('is there again after Esc, a click beside the dialog, and a reload', async () => {
    here = await visit(browser)
    const { page } = here
    const dialog = page.getByRole('dialog', { name: 'New run' })
    const prompt = dialog.getByRole('textbox', { name: /^Prompt/ })
    await page.keyboard.press('n')
    await prompt.fill('Mend the export')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.keyboard.press('n')
    expect(await prompt.inputValue()).toBe('Mend the export')
    await page.mouse.click(8, 890)
    await dialog.waitFor({ state: 'detached' })
    await page.reload()
    await page.locator('article[data-run-id]').first().waitFor()
    await page.keyboard.press('n')
    expect(await prompt.inputValue()).toBe('Mend the export')
    await dialog.getByRole('button', { name: 'Discard draft' }).click()
    expect(await prompt.inputValue()).toBe('')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.keyboard.press('n')
    expect(await prompt.inputValue()).toBe('')
  })
})

describe('a terminal', () => {
  it('finds the newest match first and counts them', async () => {
    here = await visit(browser)
    const { page } = here
    await drawn('dev-server', '\r\nneedle 1\r\nneedle 2\r\nneedle 3\r\nlast line\r\n')
    await tileOf(page, 'dev-server').locator('.tile-head').click()
    await page.keyboard.press('f')
    const search = tileOf(page, 'dev-server').getByRole('search')
    await search.getByRole('textbox').fill('needle')
    const said = (text: string) => search.getByRole('status').getByText(text, { exact: true }).waitFor()
    await said('3 of 3')
    await page.keyboard.press('Enter')
    await said('2 of 3')
    await page.keyboard.press('Shift+Enter')
    await said('3 of 3')
    await search.getByRole('textbox').fill('nowhere')
    await said('Nothing found')
  })

  it('has a menu: copy, paste, select all, search, clear', async () => {
    here = await visit(browser)
    const { page } = here
    await drawn('dev-server', '\r\ncopied words\r\n')
    const screen = tileOf(page, 'dev-server').locator('.xterm-screen')
    const open = async (name: string) => {
      await screen.click({ button: 'right' })
      return page.getByRole('menuitem', { name })
    }
    const copy = await open('Copy')
    expect(await copy.getAttribute('aria-disabled')).toBe('true')
    await page.getByRole('menuitem', { name: 'Select all' }).click()
    await (await open('Copy')).click()
    const copied = await until(
      'copied',
      () => page.evaluate(() => navigator.clipboard.readText()),
      (text) => text !== '',
    )
    expect(copied).toContain('copied words')
    await page.evaluate(() => navigator.clipboard.writeText('pasted\u0007 words'))
    await (await open('Paste')).click()
    await until('pasted', typedIn('dev-server'), (text) => text === 'pasted words')
    await (await open('Search')).click()
    await tileOf(page, 'dev-server').getByRole('search').waitFor()
    await page.keyboard.press('Escape')
    await (await open('Clear')).click()
    await until(
      'cleared',
      () => textOf(page, 'dev-server'),
      (text) => !text.includes('copied words'),
    )
  })

  it('is given the path of a file that is dropped on it, as one word', async () => {
    here = await visit(browser)
    const { page } = here
    await drawn('dev-server', '\r\nready\r\n')
    const drop = (name: string) =>
      tileOf(page, 'dev-server')
        .locator('.term-box')
        .evaluate((box, file) => {
          Object.assign(window, {
            coppice: { platform: 'linux', pathOfFile: ({ name }: File) => `/tmp/shots/${name}` },
          })
          const data = new DataTransfer()
          data.items.add(new File(['x'], file))
          box.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
        }, name)
    await drop("it's 1.png")
    await until('typed', typedIn('dev-server'), (text) => text === "'/tmp/shots/it'\\''s 1.png' ")
    await drop('a\u001b[201~b')
    await page.getByText('The name of a dropped file holds control characters.').first().waitFor()
    expect(typedIn('dev-server')()).toBe("'/tmp/shots/it'\\''s 1.png' ")
  })

  it('is covered by nothing while it is typed into, at sixteen tiles too', async () => {
    here = await visit(browser, { runs: 16 })
    const { page } = here
    await takeKeys(page, 'dev-server')
    const tile = tileOf(page, 'dev-server')
    await tile.hover()
    expect(await tile.getAttribute('data-compact')).toBe('true')
    expect(await tile.locator('.tile-foot').isVisible()).toBe(false)
  })
})
