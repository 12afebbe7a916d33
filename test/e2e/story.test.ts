// The main job from end to end, one story for both clients: add a repository, start three runs, type into one, lose the window,
// lose the host, push, remove, take it back, remove again. Everything is real: git, agents as programs, signals, pixels.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type AppDriver, chromiumDriver, electronDriver, electronProblem, poll } from '../harness/app-driver.ts'
import { makeRepo, type TestRepo } from '../harness/test-repo.ts'

const problem = electronProblem()
if (problem) {
  console.warn(
    `\n!!! SKIPPED: the story in Electron: ${problem}. Set ELECTRON_OVERRIDE_DIST_PATH, or run "npm run install-electron", under a display.\n`,
  )
}

/** Counts for ever in the background, repeats what is typed, and leaves on disk what it has done. */
const counter = `echo "$$" > "$1/$2.pid"
( n=0; while :; do n=$((n+1)); echo "$2 tick $n"; echo "$n" > "$1/$2.count"; sleep 0.3; done ) &
while read -r line; do echo "$2 got: $line"; echo "$line" >> "$1/$2.typed"; done
`
/** Draws one screen, commits, leaves a file that nobody has but this worktree, and waits. */
const painter = `echo "$$" > "$1/$2.pid"
echo work > work.txt; git add work.txt; git commit -q -m "Add work"
printf 'only here \\001\\377' > notes.bin
printf '\\033[1;32mgreen\\033[0m and \\033[7minverse\\033[0m\\n'
for n in 1 2 3 4 5 6; do echo "line $n of a screen that stays"; done
printf 'waiting> '
read -r line
`

describe.each([
  { name: 'Chromium', make: chromiumDriver, skip: false },
  { name: 'Electron', make: electronDriver, skip: problem !== null },
])('the story in $name', ({ make, skip }) => {
  describe.skipIf(skip)('from first start to removal', () => {
    let app: AppDriver
    let repo: TestRepo
    let marks: string
    const runs: Record<'one' | 'two' | 'three', string> = { one: '', two: '', three: '' }
    const read = (name: string) => (existsSync(join(marks, name)) ? readFileSync(join(marks, name), 'utf8').trim() : '')
    const pidOf = (name: string) => Number(read(`${name}.pid`))
    const agents = ['one', 'two', 'three'] as const
    let pids: Record<string, number> = {}

    beforeAll(() => {
      app = make()
      repo = makeRepo({ name: 'a repo with spaces', remote: true })
      marks = join(app.home, 'marks')
      mkdirSync(marks)
      writeFileSync(join(app.home, 'counter.sh'), counter)
      writeFileSync(join(app.home, 'painter.sh'), painter)
    })
    // Each chapter stands on the one before it: after the first that fails, the rest would only repeat it.
    let broken = false
    beforeEach((context) => {
      if (broken) context.skip('an earlier chapter failed')
    })
    afterEach(async (context) => {
      if (context.task.result?.state !== 'fail' || broken) return
      broken = true
      await app.screenshot(`${tmpdir()}/coppice-story-${app.name}.png`).catch(() => {})
    })
    afterAll(async () => {
      await app?.close()
      repo?.close()
    })

    it('opens on an empty machine and takes a repository', async () => {
      await app.open()
      await app.page.getByRole('heading', { name: 'Add a repository to begin' }).waitFor()
      await app.addRepository(repo.path)
    })

    it('starts three runs, each in a worktree of its own', async () => {
      const command = (script: string, name: string) => `bash "${app.home}/${script}.sh" "${marks}" ${name}`
      runs.one = await app.newRun({ command: command('counter', 'one'), branch: 'agent/one' })
      runs.two = await app.newRun({ command: command('counter', 'two'), branch: 'agent/two' })
      runs.three = await app.newRun({ command: command('painter', 'three'), branch: 'agent/three' })
      for (const name of ['one', 'two'] as const) {
        await app.untilTile(
          runs[name],
          `${name} counts`,
          (tile) => tile.phase === 'running' && /tick [3-9]/.test(tile.text),
        )
      }
      await app.untilTile(runs.three, 'three waits', (tile) => tile.text.includes('waiting>'))
      pids = Object.fromEntries(agents.map((name) => [name, pidOf(name)]))
      for (const name of agents) expect(isAlive(pids[name]!), `${name} is alive`).toBe(true)
      const worktrees = repo.git('worktree', 'list', '--porcelain').match(/^worktree /gm)
      expect(worktrees).toHaveLength(4)
    })

    it('types into one of them and no other', async () => {
      await app.type(runs.one, 'hello from the window\n')
      await app.untilTile(runs.one, 'one answers', (tile) => tile.text.includes('one got: hello from the window'))
      expect(read('one.typed')).toBe('hello from the window')
      expect(read('two.typed')).toBe('')
    })

    it('loses nothing when the process of the window is killed', async () => {
      const screen = (await app.tile(runs.three)).text
      const counted = Number(read('two.count'))
      await app.killWindow()
      const killed = performance.now()
      await app.open()
      const opened = performance.now()
      expect((await app.untilTile(runs.three, 'the same screen', (tile) => tile.text !== '')).text).toBe(screen)
      const back = performance.now()
      console.log(
        `${app.name}: connected ${Math.round(opened - killed)} ms after the start, the screens back ${Math.round(back - opened)} ms later`,
      )
      await app.untilTile(runs.two, 'counts on', (tile) => lastTick(tile.text) > counted)
      for (const name of agents) expect(isAlive(pids[name]!), `${name} is alive`).toBe(true)
      await app.type(runs.two, 'still there?\n')
      await app.untilTile(runs.two, 'takes keys again', (tile) => tile.text.includes('two got: still there?'))
    })

    it('loses nothing when the host is killed', async () => {
      const screen = (await app.tile(runs.three)).text
      const counted = Number(read('two.count'))
      await app.killHost()
      for (const name of agents) expect(isAlive(pids[name]!), `${name} is alive`).toBe(true)
      await app.untilTile(runs.two, 'counts on', (tile) => tile.phase === 'running' && lastTick(tile.text) > counted)
      expect((await app.untilTile(runs.three, 'the same screen', (tile) => tile.text !== '')).text).toBe(screen)
      await app.type(runs.one, 'and now?\n')
      await app.untilTile(runs.one, 'takes keys again', (tile) => tile.text.includes('one got: and now?'))
    })

    it('kept every line that was printed meanwhile, each once', async () => {
      for (const name of ['one', 'two'] as const) {
        const text = execFileSync(process.execPath, ['dist/app/cli.mjs', 'logs', runs[name]], {
          env: app.environment,
          encoding: 'utf8',
          maxBuffer: 64 * 1024 * 1024,
        })
        const ticks = [...text.matchAll(new RegExp(`${name} tick (\\d+)`, 'g'))].map((match) => Number(match[1]))
        expect(ticks.length).toBeGreaterThan(10)
        expect(ticks).toEqual(ticks.map((_tick, index) => index + 1))
      }
    })

    it('pushes the own branch of a run to the remote, and nothing else', async () => {
      const before = repo.gitIn(repo.remote!, 'for-each-ref', '--format=%(refname)')
      const { worktree } = await app.cli<{ worktree: string }>('show', runs.three)
      const said = await app.push(runs.three)
      const head = repo.gitIn(worktree, 'rev-parse', 'HEAD')
      expect(said).toContain(head.slice(0, 7))
      expect(repo.gitIn(repo.remote!, 'rev-parse', 'refs/heads/agent/three')).toBe(head)
      const after = repo.gitIn(repo.remote!, 'for-each-ref', '--format=%(refname)')
      expect(after.split('\n').filter((ref) => !before.split('\n').includes(ref))).toEqual(['refs/heads/agent/three'])
    })

    it('removes a run, brings it back byte for byte, and removes it again', async () => {
      const { worktree } = await app.cli<{ worktree: string }>('show', runs.three)
      const notes = readFileSync(join(worktree, 'notes.bin'))
      const head = repo.gitIn(worktree, 'rev-parse', 'HEAD')

      expect(await app.remove(runs.three)).toMatch(/notes\.bin/)
      expect(existsSync(worktree)).toBe(false)
      await poll('the agent is gone', async () => (isAlive(pids.three!) ? undefined : true))

      await app.undo(runs.three)
      const back = await app.cli<{ worktree: string; branch: string }>('show', runs.three)
      expect(back.branch).toBe('agent/three')
      expect(readFileSync(join(back.worktree, 'notes.bin'))).toEqual(notes)
      expect(repo.gitIn(back.worktree, 'rev-parse', 'HEAD')).toBe(head)
      expect(repo.gitIn(back.worktree, 'status', '--porcelain')).toBe('?? notes.bin')

      await app.remove(runs.three)
      expect(existsSync(back.worktree)).toBe(false)
      expect((await app.tiles()).map((tile) => tile.runId).sort()).toEqual([runs.one, runs.two].sort())
      for (const name of ['one', 'two'] as const) expect(isAlive(pids[name]!), `${name} is alive`).toBe(true)
    })

    it('was at no time in the way of the person’s own checkout, and the page never complained', () => {
      expect(repo.git('status', '--porcelain')).toBe('')
      expect(repo.git('symbolic-ref', 'HEAD')).toBe('refs/heads/main')
      expect(app.complaints).toEqual([])
    })
  })
})

const lastTick = (text: string): number =>
  Math.max(0, ...[...text.matchAll(/tick (\d+)/g)].map((match) => Number(match[1])))

function isAlive(pid: number): boolean {
  expect(pid).toBeGreaterThan(1)
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
