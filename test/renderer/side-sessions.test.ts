import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launch, textOf, tileOf, type Visit, visit } from './page.ts'

// The tabs of a run in a real browser: its agent first, then what is open beside it; and the mark of a run in place.
let browser: Browser
beforeAll(async () => {
  browser = await launch()
}, 120_000)
afterAll(() => browser?.close())

const id = 'paginate-transactions'

async function withVisit(work: (visited: Visit) => Promise<void>): Promise<void> {
  const visited = await visit(browser, { runs: 9 })
  try {
    await work(visited)
    expect(visited.complaints).toEqual([])
  } finally {
    await visited.close()
  }
}

const picture = process.env.COPPICE_PICTURES

describe('tabs', () => {
  it('open a shell by its key, show its terminal, go round by the key for the next, and ask before a live one is closed', () =>
    withVisit(async ({ page, fixture }) => {
      const tile = tileOf(page, id)
      await tile.focus()
      expect(await tile.getByRole('tab').count()).toBe(0)
      await page.keyboard.press('h')
      await tile.getByRole('tab', { name: 'Shell' }).waitFor()
      await expect.poll(() => textOf(page, id)).toContain(`this is ${id}.side-1`)
      expect(await tile.getByRole('tab').allTextContents()).toHaveLength(2)
      expect(await tile.getByRole('tab', { selected: true }).textContent()).toBe('Shell')
      // The new terminal has the keys; the chord goes on to the agent's tab all the same.
      await expect.poll(() => tile.getAttribute('class')).toContain('is-typing')
      if (picture) await page.screenshot({ path: join(picture, 'tabs.png') })
      await page.keyboard.press('Control+Shift+X')
      await expect.poll(() => tile.getByRole('tab', { selected: true }).textContent()).not.toBe('Shell')
      await expect.poll(() => textOf(page, id)).not.toContain('side-1')
      await tile.getByRole('tab', { name: 'Shell' }).click()
      await tile.getByRole('button', { name: 'Close Shell' }).click()
      const dialog = page.getByRole('dialog', { name: /Close “Shell”\?/ })
      await dialog.getByRole('button', { name: /Keep it/ }).click()
      expect(fixture.state.runs[id]?.sides?.[0]?.closed).toBe(false)
      await tile.getByRole('button', { name: 'Close Shell' }).click()
      await dialog.getByRole('button', { name: 'Close it' }).click()
      await expect.poll(() => tile.getByRole('tab').count()).toBe(0)
      expect(fixture.state.runs[id]?.sides?.[0]?.closed).toBe(true)
    }))

  it('open a command and one more agent from the menu of the run that stands alone', () =>
    withVisit(async ({ page, fixture }) => {
      await tileOf(page, id).focus()
      await page.keyboard.press('m')
      const tile = tileOf(page, id)
      await tile.getByRole('button', { name: 'Open a session' }).click()
      expect(await page.getByRole('menuitem').allTextContents()).toHaveLength(3)
      await page.getByRole('menuitem', { name: /Command/ }).click()
      await page.getByLabel('Command line').fill('pnpm dev')
      await page.keyboard.press('Enter')
      await tile.getByRole('tab', { name: 'pnpm dev' }).waitFor()
      expect(fixture.state.runs[id]?.sides).toMatchObject([{ kind: 'command', title: 'pnpm dev' }])
    }))
})

describe('in place', () => {
  it('is marked on the tile, and chosen in a new run with no repository of it asked for', () =>
    withVisit(async ({ page, fixture }) => {
      const run = fixture.state.runs[id]!
      fixture.emit({ type: 'run-queued', run: { ...run, inPlace: true, branch: null, worktree: '/home/ada/notes' } })
      await tileOf(page, id).getByText('in place').waitFor()
      await page.keyboard.press('n')
      await page.getByRole('button', { name: 'In a folder' }).click()
      await page.getByText('In a folder, without a worktree').waitFor()
      expect(await page.getByRole('button', { name: /Start run/ }).isEnabled()).toBe(false)
      await page.getByLabel('Folder').fill('/home/ada/notes')
      await expect.poll(() => page.getByRole('button', { name: /Start run/ }).isEnabled()).toBe(true)
      await page.getByText('works in that folder itself').waitFor()
      if (picture) await page.screenshot({ path: join(picture, 'in-place.png') })
    }))
})
