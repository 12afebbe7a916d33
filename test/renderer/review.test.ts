import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { samplePatch } from '../harness/fixture-review.ts'
import { launch, tileOf, until, type Visit, visit } from './page.ts'

// The review page on the fixture host, in a real browser: what is drawn, marked, commented and searched, and what stays in place
// while the agent goes on.
let browser: Browser
let here: Visit | undefined
beforeAll(async () => {
  browser = await launch()
}, 180_000)
afterEach(async () => {
  const complaints = here?.complaints ?? []
  await here?.close()
  here = undefined
  // The page's policy holds for the library too: a refused style or script would be said here.
  expect(complaints).toEqual([])
})
afterAll(() => browser?.close())

const run = 'retry-failed-webhooks'
const hunkHeads = (page: Page) => page.locator('.diff-hunk')
/** The text of the changed lines that are drawn. */
const drawn = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('diffs-container')]
      .flatMap((one) => [...(one.shadowRoot?.querySelectorAll('[data-line]') ?? [])])
      .map((line) => line.textContent ?? ''),
  )

async function open(options: Parameters<typeof visit>[2] = {}): Promise<Page> {
  here = await visit(browser, {}, options)
  const { page } = here
  await tileOf(page, run).focus()
  await page.keyboard.press('r')
  await until(
    'the changed lines',
    () => drawn(page),
    (lines) => lines.length > 20,
  )
  return page
}
const focused = (page: Page) => page.locator('.diff-hunk.on, .diff-file.on').first().getAttribute('data-item')
const calls = (name: string) => here!.fixture.calls.filter((call) => call.name === name).map(({ input }) => input)

describe('the review page', () => {
  it('shows the files and their changed lines, generated files folded, and goes back', async () => {
    const page = await open()
    expect(await page.locator('.tree-file').allTextContents()).toEqual([
      'webhooks.md+2−1',
      'package-lock.json+1−1',
      'deliver.ts+9−6',
      'retry.tsnew+7',
    ])
    const lines = await drawn(page)
    expect(lines.some((line) => line.includes('A failed delivery is retried five times'))).toBe(true)
    expect(lines.some((line) => line.includes('"version": "1.5.0"'))).toBe(false)
    await page.getByRole('button', { name: 'Show package-lock.json' }).click()
    await until(
      'the lock file',
      () => drawn(page),
      (all) => all.some((line) => line.includes('"version": "1.5.0"')),
    )
    expect(await page.locator('.crumb').textContent()).toContain('Review')
    await page.keyboard.press('Escape')
    await tileOf(page, run).waitFor()
  })

  it('goes from change to change by keys, and marks with Space: what is reviewed folds, the next is in focus', async () => {
    const page = await open()
    await page.keyboard.press('j')
    const first = (await focused(page))!
    expect(first).toContain('docs/webhooks.md')
    await page.keyboard.press(' ')
    await until(
      'the next change',
      () => focused(page),
      (id) => id?.includes('deliver.ts') === true,
    )
    expect(calls('review.mark')).toMatchObject([{ runId: run, reviewed: true, marks: [{ id: 'docs/webhooks.md' }] }])
    await until(
      'it is folded',
      () => drawn(page),
      (lines) => !lines.some((line) => line.includes('retried five times')),
    )
    await page.getByText('1 of 6 hunks reviewed').waitFor()
    await page.keyboard.press('k')
    await page.keyboard.press(' ')
    await page.getByText('0 of 6 hunks reviewed').waitFor()
    // A whole file by its box.
    await page.locator('.diff-file', { hasText: 'deliver.ts' }).getByRole('checkbox').click()
    await page.getByText('3 of 6 hunks reviewed').waitFor()
    await page.keyboard.press('u')
    await until(
      'only the rest',
      () => page.locator('.diff-file').count(),
      (count) => count === 3,
    )
  })

  it('keeps a comment as a draft, adds it, edits it, and sends all as one message', async () => {
    const page = await open()
    await page.keyboard.press('j')
    await page.keyboard.press('c')
    const field = page.getByRole('textbox', { name: 'Comment on line 11' })
    await field.fill('Say how often.')
    await field.press('Escape')
    await field.waitFor({ state: 'detached' })
    await page.keyboard.press('c')
    expect(await field.inputValue()).toBe('Say how often.')
    await field.press('Control+Enter')
    const card = page.getByRole('article', { name: 'Comment on Line 11' })
    await card.getByText('Say how often.').waitFor()
    expect(calls('comment.add')).toMatchObject([
      {
        path: 'docs/webhooks.md',
        side: 'new',
        start: 11,
        end: 11,
        quote: ['A failed delivery is retried five times, one minute'],
      },
    ])
    await card.getByRole('button', { name: 'Edit' }).click()
    await card.page().getByRole('textbox', { name: 'Comment on line 11' }).fill('Say it here too.')
    await page.keyboard.press('Control+Enter')
    await page.getByText('Say it here too.').waitFor()
    await page.getByRole('button', { name: 'Send 1 comment to the agent' }).click()
    await card.getByText('sent', { exact: true }).waitFor()
    expect(calls('comment.send')).toEqual([{ runId: run }])
  })

  it('follows the agent: another change appears, and the focus and what was opened stay', async () => {
    const page = await open()
    for (let n = 0; n < 3; n++) await page.keyboard.press('j')
    const before = await focused(page)
    expect(before).toContain('deliver.ts')
    here!.fixture.review.replace(samplePatch.replace('to six hours apart.', 'to twelve hours apart.'))
    here!.fixture.setLive(run, { dirty: { value: 9, observedAt: Date.now() } })
    await until(
      'the new line',
      () => drawn(page),
      (lines) => lines.some((line) => line.includes('twelve hours')),
    )
    expect(await focused(page)).toBe(before)
  })

  it('searches the changed lines, with a count', async () => {
    const page = await open()
    await page.keyboard.press('/')
    const field = page.getByRole('searchbox', { name: 'Search the changes' })
    await field.fill('nextattempt')
    await page.getByText('1 of 3', { exact: true }).waitFor()
    await field.press('Enter')
    expect(await focused(page)).toContain('deliver.ts')
    await field.fill('nothing like it')
    await page.getByText('Nothing found').waitFor()
    await field.press('Escape')
    await field.waitFor({ state: 'detached' })
    expect(await page.locator('.review-foot').count()).toBe(1)
  })

  it('draws only what is in view of 2,000 files', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    const file = (n: number) => `diff --git a/src/f${n}.ts b/src/f${n}.ts
index 1111111..2222222 100644
--- a/src/f${n}.ts
+++ b/src/f${n}.ts
@@ -1,3 +1,3 @@
 // file ${n}
-export const x = ${n}
+export const y = ${n}
 // end
`
    fixture.review.replace(Array.from({ length: 2000 }, (_, n) => file(n)).join(''))
    await tileOf(page, run).focus()
    await page.keyboard.press('r')
    await page.getByText(/^2,?000 files$/).waitFor()
    await until(
      'the lines',
      () => drawn(page),
      (lines) => lines.length > 0,
    )
    expect(await hunkHeads(page).count()).toBeLessThan(120)
    expect(await page.locator('.tree-row').count()).toBeLessThan(80)
    // Patches come in batches, not one call a file.
    await until(
      'every patch',
      () => Promise.resolve(calls('review.patch').length),
      (count) => count >= 50,
    )
    expect(calls('review.patch').length).toBeLessThanOrEqual(51)
  })

  it('says when nothing has changed, and a hostile path is shown as text', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    fixture.review.replace('')
    await tileOf(page, run).focus()
    await page.keyboard.press('r')
    await page.getByText('Nothing has changed here.').waitFor()
    fixture.review.replace(samplePatch.replaceAll('src/webhooks/retry.ts', 'src/<img src=x onerror=alert(1)>.ts'))
    fixture.setLive(run, { dirty: { value: 3, observedAt: Date.now() } })
    await page.locator('.tree-file', { hasText: '<img src=x onerror=alert(1)>.ts' }).waitFor()
    expect(await page.locator('img[src="x"]').count()).toBe(0)
  })
})
