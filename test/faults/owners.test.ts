import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { cliProgram, hostProgram, isRunning, marked, sleep, startHost, type TestHost } from '../harness/test-host.ts'
import { hermeticEnvironment, makeRepo, type TestRepo } from '../harness/test-repo.ts'
import { full, patienceMs, reached, report, seeded, size } from './report.ts'

// Scenarios 10 and 11: ten instances at once have one owner and are all served; trees of processes that leave their session, their
// parent and ignore TERM are dead after a stop. (What an older or a newer client is told stands in test/cli/host.test.ts.)
const seed = Number(process.env.COPPICE_SEED ?? (full ? Date.now() % 100_000 : 11))

describe(`instances (seed ${seed})`, () => {
  let home = ''
  let data = ''
  afterEach(() => {
    for (const pid of marked(data, home)) process.kill(pid, 'SIGKILL')
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  })

  interface Ended {
    readonly code: number | null
    readonly said: string
  }

  it(
    'ten started at once, hosts and command lines: one owner, all served',
    async () => {
      home = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-owners-')))
      data = join(home, 'data')
      mkdirSync(join(home, 'run'), { mode: 0o700 })
      const env = {
        ...hermeticEnvironment(home),
        SHELL: '/bin/bash',
        XDG_RUNTIME_DIR: join(home, 'run'),
        COPPICE_HOME: data,
      }
      const run = (program: string, ...args: string[]) => {
        const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
        let said = ''
        for (const stream of [child.stdout, child.stderr])
          stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
        const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, said })))
        return { child, ended, said: () => said }
      }
      const owners = () => {
        const log = readFileSync(join(data, 'logs', 'host.log'), 'utf8')
        return [...log.matchAll(/ host \S+ started, process (\d+)/g)].map((match) => Number(match[1]))
      }
      const random = seeded(seed)
      const rounds = size(2, 100)
      const until = Date.now() + patienceMs - 60_000
      let done = 0
      let doubles = 0
      let served = 0
      for (; done < rounds && Date.now() < until; done++) {
        const before = done === 0 ? 0 : owners().length
        // Hosts as the window starts them, and command lines that start one where none answers.
        const hosts = Array.from({ length: 5 }, () => run(hostProgram, '--data', data))
        if (done % 2 === 1) await sleep(random() * 300)
        const clients = Array.from({ length: 5 }, () => run(cliProgram, 'list', '--json'))
        for (const { code, said } of await Promise.all(clients.map((client) => client.ended))) {
          expect(code, said).toBe(0)
          expect(JSON.parse(said)).toBeTruthy()
          served++
        }
        for (let n = 0; n < 300; n++) {
          const decided = hosts.filter(({ child, said }) => child.exitCode !== null || /Listening at/.test(said()))
          if (decided.length === hosts.length) break
          await sleep(50)
        }
        const alive = [...new Set(owners().slice(before))].filter(isRunning)
        doubles += Math.max(0, alive.length - 1, owners().length - before - 1)
        expect(alive.length).toBeGreaterThan(0)
        // Those that came too late say whose it is and end as they should.
        for (const { child, ended } of hosts)
          if (child.exitCode !== null) expect(await ended).toMatchObject({ code: 0 })
        // Every third one is killed, so that the next round begins with what a crash leaves.
        if (done % 3 === 2) for (const pid of alive) process.kill(pid, 'SIGKILL')
        else expect((await run(cliProgram, 'host', 'stop').ended).code).toBe(0)
        for (let n = 0; n < 200 && alive.some(isRunning); n++) await sleep(25)
        served += hosts.length
      }
      report(
        10,
        `${reached(done * 10, rounds * 10)} instances, ten at once: ${doubles} double owners, ${served} served`,
      )
      expect(doubles).toBe(0)
    },
    patienceMs,
  )
})

/** Each makes one process that sleeps for `$1` seconds (a number that tells it apart) in a way that is hard to end. */
const trees: Readonly<Record<string, string>> = {
  setsid: 'setsid sleep $1 &',
  'double fork': '(sh -c "sleep $1 & exit" &)',
  'ignores TERM': "sh -c 'trap \"\" TERM INT HUP; sleep '$1'; :' &",
  'all three': "setsid sh -c '(trap \"\" TERM INT HUP; sleep '$1' & sleep 0.1 &) & exit' &",
  'stopped by itself': "sh -c 'kill -STOP $$; sleep '$1 & sleep $1 &",
  'reborn on TERM': "sh -c 'trap \"sleep '$1' &\" TERM; while :; do sleep '$1' & wait; done' &",
  nohup: 'nohup sleep $1 >/dev/null 2>&1 &',
}

function sleepers(numbers: ReadonlySet<string>): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return words.some((word) => [...numbers].some((number) => word.includes(number)))
      } catch {
        return false
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid && isRunning(pid))
}

describe.skipIf(process.platform !== 'linux')('trees that do not want to end', () => {
  let host: TestHost | null = null
  let repo: TestRepo | null = null
  let numbers = new Set<string>()
  afterEach(async () => {
    for (const pid of sleepers(numbers)) process.kill(pid, 'SIGKILL')
    await host?.close()
    repo?.close()
  })

  it(
    'are dead when a stop says so',
    async () => {
      repo = makeRepo({ files: { 'README.md': 'x\n' } })
      host = await startHost({ settings: { lowDiskBytes: 0 } })
      const { repositoryId } = await host.call('repository.add', { path: repo.path })
      const kinds = Object.entries(trees)
      const wanted = size(2 * kinds.length, 1_000)
      const until = Date.now() + patienceMs - 60_000
      let made = 0
      let survived = 0
      let slowest = 0
      for (let round = 0; made < wanted && Date.now() < until; round++) {
        const own = kinds.map((_, n) => `${700_000 + (process.pid % 1_000)}.${round * 100 + n}`)
        numbers = new Set(own)
        const lines = kinds.map(([, line], n) => line.replaceAll('$1', own[n] as string))
        const id = await host.start(
          repositoryId,
          `${lines.join('\n')}\necho ready; trap "" TERM; sleep ${own[0]}1; wait`,
          {
            id: `trees-${round}`,
          },
        )
        await host.untilPhase(id, 'running')
        for (let n = 0; n < 200 && own.some((number) => sleepers(new Set([number])).length === 0); n++) await sleep(25)
        for (const [n, number] of own.entries())
          expect(sleepers(new Set([number])).length, kinds[n]?.[0]).toBeGreaterThan(0)
        const started = performance.now()
        await host.call('run.stop', { runId: id })
        slowest = Math.max(slowest, performance.now() - started)
        made += kinds.length
        survived += sleepers(numbers).length
        expect(host.run(id).phase).toBe('stopped')
      }
      report(
        11,
        `${reached(made, wanted)} trees that setsid, double-fork, ignore TERM, stop themselves or are born again: ${survived} survive a stop (slowest ${Math.round(slowest)} ms)`,
      )
      expect(survived).toBe(0)
    },
    patienceMs,
  )
})
