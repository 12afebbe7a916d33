import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { launch, tileOf, type Visit, visit } from './page.ts'

// A question on a tile and in the New run form: what is shown is what is agreed to.
let browser: Browser
let here: Visit
beforeAll(async () => {
  browser = await launch()
}, 120_000)
afterEach(async () => {
  await here?.close()
})
afterAll(async () => {
  await browser?.close()
})

describe('a run that asks', () => {
  it('shows the whole command, and its key allows exactly that', async () => {
    here = await visit(browser, { awkward: true })
    const { page, fixture } = here
    const tile = tileOf(page, 'needs-approval')
    await tile.scrollIntoViewIfNeeded()
    const { request, hash } = fixture.state.approvals.seed!
    expect(await tile.locator('[data-approval="seed"] .cmd').textContent()).toBe(request.command)
    expect(await tile.locator('[data-approval="seed"] p').textContent()).toBe(
      'Run the set-up command from .coppice.json in the new worktree?',
    )
    expect(await tile.getAttribute('data-attention')).toBe('permission')
    await tile.focus()
    await page.keyboard.press('a')
    await tile.locator('[data-approval]').waitFor({ state: 'detached' })
    expect(fixture.state.approvals.seed).toMatchObject({ state: 'allowed', hash })
    expect(fixture.state.repositories['ledger-api']?.approvedSetups).toEqual([hash])
    expect(here.complaints).toEqual([])
  })

  it('goes on without what is denied', async () => {
    here = await visit(browser, { awkward: true })
    const { page, fixture } = here
    const tile = tileOf(page, 'needs-approval')
    await tile.scrollIntoViewIfNeeded()
    await tile.getByRole('button', { name: /^Continue without it/ }).click()
    await tile.locator('[data-approval]').waitFor({ state: 'detached' })
    expect(fixture.state.approvals.seed?.state).toBe('denied')
    expect(fixture.state.runs['needs-approval']?.setup).toBe('skip')
  })
})

describe('the New run form', () => {
  it('shows a command nobody has approved with its switch off, and sends the hash of what it showed', async () => {
    here = await visit(browser)
    const { page, fixture } = here
    await page.keyboard.press('n')
    const dialog = page.getByRole('dialog', { name: 'New run' })
    const toggle = dialog.getByRole('switch', { name: 'Allow and run the set-up command' })
    await toggle.waitFor()
    expect(await toggle.getAttribute('aria-checked')).toBe('false')
    expect(await dialog.getByText('make seed').count()).toBe(1)
    await toggle.click()
    const install = dialog.getByRole('switch', { name: 'Allow and run pnpm install --frozen-lockfile' })
    expect(await install.getAttribute('aria-checked')).toBe('false')
    expect(await dialog.getByText('package.json, postinstall: node scripts/build-native.js').count()).toBe(1)
    await install.click()
    await dialog.locator('textarea').first().fill('Seed it')
    await dialog.getByRole('button', { name: /^Start run/ }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(fixture.calls.filter(({ name }) => name === 'run.create').map(({ input }) => input)).toMatchObject([
      { setup: 'run', setupHash: 'abc', install: true, installHash: 'def' },
    ])
  })
})
