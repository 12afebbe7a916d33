import type { Browser } from 'playwright-core'
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
const queries =
  '\u001b[c\u001b[>c\u001b[6n\u001b[?6n\u001b[5n\u001b[?2004$p\u001b[>q\u001b[?u\u001b]11;?\u0007\u001b]52;c;?\u0007\u001b]7501;?\u0007\u001bP$qm\u001b\\'

describe('keys and a terminal', () => {
  it('gives every key to the program once it has them, and hears the chord only', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await tileOf(page, 'dev-server').locator('.xterm-screen').click()
    await tileOf(page, 'dev-server').and(page.locator('.is-typing')).waitFor()
    await page.keyboard.type('nsz?.')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+k')
    await page.keyboard.press('Delete')
    await until(
      'typed',
      () => fixture.typed.get('dev-server') ?? '',
      (text) => text === 'nsz?.\u001b\u000b\u001b[3~',
    )
    expect(await page.getByRole('dialog').count()).toBe(0)
    await page.keyboard.press('Control+Shift+G')
    await page.locator('.is-typing').waitFor({ state: 'detached' })
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'All keys' }).waitFor()
    expect(fixture.typed.get('dev-server')).toBe('nsz?.\u001b\u000b\u001b[3~')
    expect(here.complaints).toEqual([])
  })

  it('types nothing into a terminal that has not been given the keys, not even by the wheel or the first click', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    fixture.print('dev-server', '\u001b[?1049h\u001b[?1003h\u001b[?1006hfull screen')
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('full screen'),
    )
    const screen = tileOf(page, 'dev-server').locator('.xterm-screen')
    await screen.hover()
    await page.mouse.wheel(0, 300)
    await page.keyboard.press('ArrowDown')
    await wait(200)
    expect(fixture.typed.get('dev-server') ?? '').toBe('')
    await screen.click()
    await tileOf(page, 'dev-server').and(page.locator('.is-typing')).waitFor()
    // The click that gave the keys was no click in the program; now the program gets the mouse.
    expect((fixture.typed.get('dev-server') ?? '').replace(/\u001b\[<35;\d+;\d+M/g, '')).toBe('')
    await screen.click()
    await until(
      'the mouse reaches the program',
      () => fixture.typed.get('dev-server') ?? '',
      (text) => text.includes('\u001b[<0;'),
    )
  })

  it('pastes text and nothing else', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    fixture.print('dev-server', '\u001b[?2004h$ ')
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.endsWith('$'),
    )
    await tileOf(page, 'dev-server').locator('.xterm-screen').click()
    await tileOf(page, 'dev-server').and(page.locator('.is-typing')).waitFor()
    await page.evaluate(() => {
      const data = new DataTransfer()
      data.setData('text/plain', 'ls\u001b[201~\nrm -rf ~\u0007')
      document.activeElement?.dispatchEvent(
        new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }),
      )
    })
    await until(
      'pasted',
      () => fixture.typed.get('dev-server') ?? '',
      (text) => text === '\u001b[200~ls\rrm -rf ~\u001b[201~',
    )
  })

  it('asks for a size only in the view that has the focus, and never below 60 × 20', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await until(
      'drawn',
      () => fixture.attached().length,
      (n) => n === 8,
    )
    await wait(400)
    expect(fixture.sizes.size).toBe(0)
    await tileOf(page, 'dev-server').locator('.xterm-screen').click()
    const small = await until(
      'sized',
      () => fixture.sizes.get('dev-server'),
      (size) => size !== undefined,
    )
    expect(small!.cols).toBeGreaterThanOrEqual(60)
    expect(small!.rows).toBeGreaterThanOrEqual(20)
    await page.keyboard.press('Control+Shift+M')
    await until(
      'larger',
      () => fixture.sizes.get('dev-server')!,
      (size) => size.cols > 100 && size.rows > 30,
    )
    expect([...fixture.sizes.keys()]).toEqual(['dev-server'])
  })
})

describe('what a program prints', () => {
  it('is never answered: a replay full of queries writes nothing', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    fixture.print('dev-server', `${queries}one\r\n`.repeat(40))
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('one'),
    )
    await tileOf(page, 'dev-server').locator('.xterm-screen').click()
    await tileOf(page, 'dev-server').and(page.locator('.is-typing')).waitFor()
    fixture.print('dev-server', `${queries}two\r\n`.repeat(40))
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('two'),
    )
    await page.keyboard.press('Control+Shift+G')
    await page.reload()
    await until(
      'drawn again',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('two'),
    )
    await wait(300)
    expect(fixture.typed.get('dev-server') ?? '').toBe('')
  })

  it('cannot hold the page: huge counts, a long title, a flood', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    // The longest time between two turns of the page's own timer, while hostile bytes are drawn.
    await page.evaluate(() => {
      const watch = { worst: 0, last: performance.now() }
      Object.assign(window, { watch })
      setInterval(() => {
        const now = performance.now()
        watch.worst = Math.max(watch.worst, now - watch.last)
        watch.last = now
      }, 4)
    })
    for (const final of ['b', 'L', 'M', 'S', 'T', 'I', 'Z', '@', 'P', 'X'])
      fixture.print('dev-server', `a\u001b[2147483647${final}`)
    fixture.print('dev-server', `\u001b]0;${'t'.repeat(500_000)}\u0007\r\nstill here\r\n`)
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('still here'),
      30_000,
    )
    const worst = await page.evaluate(() => (window as unknown as { watch: { worst: number } }).watch.worst)
    console.log(`longest pause of the page while hostile output was drawn: ${worst.toFixed(0)} ms`)
    // Unguarded it is 111,000 ms; a busy test machine is not held to the product's 100 ms.
    expect(worst).toBeLessThan(5000)
  })

  it('reaches the clipboard only by a terminal that has the keys, and never reads it', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await page.evaluate(() => navigator.clipboard.writeText('mine'))
    fixture.print('dev-server', `\u001b]52;c;${btoa('stolen')}\u0007x`)
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.endsWith('x'),
    )
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('mine')
    await tileOf(page, 'dev-server').locator('.xterm-screen').click()
    await tileOf(page, 'dev-server').and(page.locator('.is-typing')).waitFor()
    fixture.print('dev-server', `\u001b]52;c;${btoa('given')}\u0007\u001b]52;c;?\u0007y`)
    await until(
      'copied',
      () => page.evaluate(() => navigator.clipboard.readText()),
      (text) => text === 'given',
    )
    expect(fixture.typed.get('dev-server') ?? '').toBe('')
  })

  it('opens http(s) links on a modifier-click only, and shows first what can be mistaken', async () => {
    here = await visit(
      browser,
      {},
      { before: 'window.opened = []; window.open = (url) => { window.opened.push(url); return null }' },
    )
    const { page, fixture } = here
    const link = (url: string, text: string) => `\u001b]8;;${url}\u001b\\${text}\u001b]8;;\u001b\\`
    fixture.print(
      'dev-server',
      `\u001b[2J\u001b[H${link('https://example.test/', 'GOODLINK')}\r\n${link('file:///etc/passwd', 'FILELINK')}\r\n${link('javascript:alert(1)', 'CODELINK')}\r\n${link('https://you@evil.test/', 'USERLINK')}\r\n${link('https://xn--pple-43d.test/', 'IDNLINK')}\r\n`,
    )
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('IDNLINK'),
    )
    const opened = () => page.evaluate(() => (window as unknown as { opened: string[] }).opened)
    const box = (await tileOf(page, 'dev-server').locator('.term-box').boundingBox())!
    const click = async (row: number, modifiers: 'Control'[] = []) => {
      for (const key of modifiers) await page.keyboard.down(key)
      await page.mouse.move(box.x + 12, box.y + 7 + row * 14)
      await page.mouse.move(box.x + 16, box.y + 7 + row * 14)
      await wait(150)
      await page.mouse.click(box.x + 16, box.y + 7 + row * 14)
      for (const key of modifiers) await page.keyboard.up(key)
      await wait(150)
    }
    const top = (await textOf(page, 'dev-server')).split('\n').findIndex((row) => row.startsWith('GOODLINK'))
    await click(top)
    expect(await opened()).toEqual([])
    await click(top, ['Control'])
    expect(await opened()).toEqual(['https://example.test/'])
    await click(top + 1, ['Control'])
    await click(top + 2, ['Control'])
    expect(await opened()).toEqual(['https://example.test/'])
    await click(top + 3, ['Control'])
    // What nobody would be allowed to open is not asked about: it is refused with its real host.
    await page
      .getByText('The link carries a user name, which can hide where it leads. Its host is evil.test.')
      .first()
      .waitFor()
    expect(await page.getByRole('alertdialog').count()).toBe(0)
    await click(top + 4, ['Control'])
    const question = page.getByRole('alertdialog', { name: 'Open this link?' })
    await question.waitFor()
    expect(await question.textContent()).toContain('xn--pple-43d.test')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Do not open')
    await page.keyboard.press('Escape')
    expect(await opened()).toEqual(['https://example.test/'])
    // One question, and then it opens.
    await click(top + 4, ['Control'])
    await question.getByRole('button', { name: 'Open it' }).click()
    await expect.poll(opened).toEqual(['https://example.test/', 'https://xn--pple-43d.test/'])
  })
})

describe('terminals out of sight', () => {
  it('are released, and come back with their screen', async () => {
    here = await visit(browser, { runs: 16 }, { height: 700 })
    const { page, fixture } = here
    await until(
      'some attached',
      () => fixture.attached().length,
      (n) => n > 3,
    )
    const grid = page.locator('.grid')
    const last = 'node-24-2'
    expect(fixture.attached()).not.toContain(last)
    await grid.evaluate((element) => element.scrollTo(0, element.scrollHeight))
    await until(
      'the last is attached',
      () => fixture.attached(),
      (ids) => ids.includes(last),
    )
    await until(
      'the first is released',
      () => fixture.attached(),
      (ids) => !ids.includes('paginate-transactions'),
    )
    expect(await tileOf(page, 'paginate-transactions').locator('.xterm').count()).toBe(0)
    await grid.evaluate((element) => element.scrollTo(0, 0))
    await until(
      'it is back',
      () => textOf(page, 'paginate-transactions'),
      (text) => text.includes('Writing the query'),
    )
  })

  it('show the saved screen, dimmed, until the host sends its own; a slow one is announced', async () => {
    here = await visit(browser, { runs: 9, attachMs: 1500 })
    const { page } = here
    await until(
      'drawn',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('pnpm dev'),
      30_000,
    )
    await page.keyboard.press('t')
    await page.getByRole('heading', { name: 'Trash' }).waitFor()
    await page.keyboard.press('g')
    await until(
      'the saved screen',
      () => textOf(page, 'dev-server'),
      (text) => text.includes('pnpm dev'),
      1400,
    )
    expect(await tileOf(page, 'dev-server').locator('.term').getAttribute('data-stale')).toBe('true')
    await tileOf(page, 'dev-server').getByText('Catching up').waitFor()
    await until(
      'fresh',
      () => tileOf(page, 'dev-server').locator('.term').getAttribute('data-term'),
      (kind) => kind === 'shown',
    )
  })
})
