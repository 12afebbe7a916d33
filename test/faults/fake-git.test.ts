import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isSettled } from '../../app/model/run.ts'
import { findOnPath } from '../../app/process/environment.ts'
import { startHost, type TestHost } from '../harness/test-host.ts'
import { fingerprint, makeRepo, ownCheckout, type TestRepo } from '../harness/test-repo.ts'
import { full, patienceMs, report } from './report.ts'

// Scenario 14: a git that fails (128), hangs, says nothing and calls it success, or prints garbage, for each subcommand that a
// preview, a removal and the healing at a start use. A removal is refused with a reason and nothing is changed; only where a lie
// cannot be told from a truth (no stashes, no submodules) may it go on, and then all of it comes back byte for byte.
const ways = ['fails', 'empty', 'garbage', 'hangs'] as const
type Way = (typeof ways)[number]

let host: TestHost
let repo: TestRepo
let tools: string
let worktree: string
let secret: string

const script = (real: string, directory: string) => `#!/bin/sh
# The subcommand is the first argument that is no global option.
skip=
for argument; do
  if [ -n "$skip" ]; then skip=; continue; fi
  case $argument in -c|-C) skip=1;; -*) ;; *) command=$argument; break;; esac
done
echo "$command" >> '${directory}/calls'
if [ -e '${directory}/after' ]; then
  echo x >> '${directory}/count'
  if [ "$(wc -l < '${directory}/count')" -gt "$(cat '${directory}/after')" ]; then
    echo 'fatal: the disk said no' >&2
    exit 128
  fi
fi
if [ "$(cat '${directory}/target' 2>/dev/null)" = "$command" ]; then
  echo "$command" >> '${directory}/hits'
  case $(cat '${directory}/way') in
    fails) echo 'fatal: the disk said no' >&2; exit 128;;
    empty) exit 0;;
    garbage) printf 'zzz \\377 not what git says\\n0\\n'; exit 0;;
    hangs) exec sleep 600;;
  esac
fi
exec '${real}' "$@"
`

beforeAll(async () => {
  tools = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-fake-git-')))
  repo = makeRepo({ remote: true, files: { 'README.md': 'x\n', '.gitignore': '.env\n' } })
  const real = (await findOnPath('git', process.env as Record<string, string>))!
  writeFileSync(join(tools, 'git'), script(real, tools))
  chmodSync(join(tools, 'git'), 0o755)
  // The host asks the login shell for PATH; this one says what the test wants, whatever this machine's profile does to it.
  const shell = join(tools, 'shell/bash')
  mkdirSync(join(tools, 'shell'))
  writeFileSync(
    shell,
    `#!/bin/sh\nfor last; do :; done\nPATH='${tools}':"$PATH"\nexport PATH\nexec /bin/sh -c "$last"\n`,
  )
  chmodSync(shell, 0o755)
  host = await startHost({
    environment: { SHELL: shell, PATH: `${tools}:${process.env.PATH}`, COPPICE_GIT_TIMEOUT_MS: '1500' },
  })
  const { repositoryId } = await host.call('repository.add', { path: repo.path })
  await host.start(repositoryId, 'exec sleep 86400', { id: 'work' })
  worktree = (await host.untilPhase('work', 'running')).worktree!
  await host.call('run.stop', { runId: 'work' })
  repo.gitIn(worktree, 'commit', '-q', '--allow-empty', '-m', 'only here')
  secret = join(worktree, '.env')
  writeFileSync(secret, 'SECRET=1')
  writeFileSync(join(worktree, 'README.md'), 'edited\n')
  writeFileSync(join(worktree, 'new.txt'), 'new\n')
}, 60_000)
afterAll(async () => {
  lie(null)
  await host?.close()
  repo?.close()
  rmSync(tools, { recursive: true, force: true })
})

function lie(target: string | null, way: Way = 'fails'): void {
  rmSync(join(tools, 'target'), { force: true })
  rmSync(join(tools, 'hits'), { force: true })
  if (target === null) return
  writeFileSync(join(tools, 'way'), way)
  writeFileSync(join(tools, 'target'), target)
}
/** From the nth call on every git fails; null: none does. */
function failAfter(calls: number | null): void {
  rmSync(join(tools, 'after'), { force: true })
  rmSync(join(tools, 'count'), { force: true })
  if (calls !== null) writeFileSync(join(tools, 'after'), `${calls}\n`)
}
const wasHit = () => existsSync(join(tools, 'hits'))
const subcommands = () => [...new Set(readFileSync(join(tools, 'calls'), 'utf8').trim().split('\n'))].sort()
const refs = () => repo.git('for-each-ref')
const seen = () => ({
  files: fingerprint(worktree, { without: /^\.git$/ }),
  status: repo.gitIn(worktree, '--no-optional-locks', 'status', '--porcelain', '--ignored'),
  head: repo.gitIn(worktree, 'log', '--format=%s', '-1'),
  list: repo.git('worktree', 'list'),
})

describe('a git that cannot be trusted', () => {
  it(
    'refuses as unknown, or loses nothing',
    async () => {
      // Which subcommands there are is found out by a removal and a start with a git that only listens.
      rmSync(join(tools, 'calls'), { force: true })
      const honest = await host.call('run.preview-removal', { runId: 'work' })
      const inPreview = subcommands()
      const called = readFileSync(join(tools, 'calls'), 'utf8').split('\n').length
      await host.call('run.remove', { runId: 'work', consent: honest.consent })
      const total = readFileSync(join(tools, 'calls'), 'utf8').split('\n').length - called
      const inRemoval = subcommands()
      await host.call('run.restore', { runId: 'work' })
      rmSync(join(tools, 'calls'))
      await host.kill()
      await host.restart()
      const inHealing = subcommands()

      const before = seen()
      const checkout = fingerprint(repo.path, ownCheckout)
      let refused = 0
      let whole = 0
      let harmless = 0
      const bad: string[] = []
      for (const [nth, command] of inRemoval.entries()) {
        // The quick form lets each fail, and one of them in each of the other ways.
        const tried = full ? ways : ways.filter((_, n) => n === 0 || nth % (inRemoval.length - 1) === n)
        for (const way of tried) {
          const cell = `${command} ${way}`
          const names = refs()
          const { consent } = await host.call('run.preview-removal', { runId: 'work' })
          lie(command, way)
          let agreed = consent
          let unknown = false
          if (inPreview.includes(command)) {
            // The person agrees to whatever the lying preview says, short of force.
            const preview = await host.call('run.preview-removal', { runId: 'work' }).catch(() => null)
            if (!preview) unknown = true
            else {
              agreed = preview.consent
              unknown = preview.unknown
              if (preview.unknown && !preview.facts.some((fact) => fact.count === null && fact.why))
                bad.push(`${cell}: unknown without a reason`)
            }
          }
          const code = await host.refusal('run.remove', { runId: 'work', consent: agreed })
          const hit = wasHit()
          lie(null)
          if (!hit) harmless++
          else if (unknown && code === 'ok') bad.push(`${cell}: unknown, and removed all the same`)
          else if (code === 'ok') whole++
          else refused++
          if (code === 'ok') await host.call('run.restore', { runId: 'work' })
          else if (refs() !== names)
            bad.push(`${cell}: refused (${code}) with refs changed:\n${refs()}\n  before:\n${names}`)
          try {
            expect(isSettled(host.run('work').phase), cell).toBe(true)
            expect(seen(), cell).toEqual(before)
            expect(fingerprint(repo.path, ownCheckout), cell).toEqual(checkout)
          } catch (error) {
            bad.push(`${cell} (${code}): ${(error as Error).message}`)
            break
          }
          if (way === 'fails' && code === 'ok' && hit && inPreview.includes(command))
            bad.push(`${cell}: a failing git was no reason to refuse`)
        }
      }
      report(
        14,
        `${refused + whole + harmless} cells (${inRemoval.length} subcommands${full ? ` × ${ways.length}` : ', the quick form'}): ${refused} refused with nothing changed, ${whole} went on and came back whole, ${harmless} not met`,
      )
      expect(bad).toEqual([])

      // A git that works, and from some call on does not: whole where it was, or whole in the trash.
      const points = full ? Array.from({ length: total + 1 }, (_, n) => n) : [total >> 1, total - 3, total - 1]
      let stayed = 0
      let went = 0
      for (const calls of points) {
        const { consent } = await host.call('run.preview-removal', { runId: 'work' })
        failAfter(calls)
        const code = await host.refusal('run.remove', { runId: 'work', consent })
        failAfter(null)
        const removed = host.run('work').phase === 'removed'
        expect(removed, `after ${calls} calls: ${code}`).toBe(code === 'ok')
        if (removed) went++
        else stayed++
        if (removed) await host.call('run.restore', { runId: 'work' })
        expect(seen(), `after ${calls} calls`).toEqual(before)
        expect(fingerprint(repo.path, ownCheckout)).toEqual(checkout)
      }
      report(
        14,
        `git fails from call n on, ${stayed + went} of them: ${stayed} refused, ${went} removed and brought back whole`,
      )

      let starts = 0
      for (const command of full ? inHealing : inHealing.filter((name) => name === 'worktree')) {
        for (const way of full ? ways : (['empty'] as const)) {
          lie(command, way)
          await host.kill()
          await host.restart()
          lie(null)
          starts++
          expect(host.run('work'), `${command} ${way}`).toMatchObject({
            worktree,
            worktreePresence: 'present',
          })
          expect(seen(), `a start while ${command} ${way}`).toEqual(before)
        }
      }
      report(14, `${starts} starts with such a git: nothing changed`)
    },
    patienceMs,
  )
})
