// Runs a LaunchPlan as the keeper would, with nothing of the product between the plan and the real program: spawn, feed stdin,
// read stdout line by line into the adapter's reader, and judge the ending.
import { spawn } from 'node:child_process'
import type { Adapter, LaunchPlan, LaunchRequest } from '../../app/agents/adapter.ts'
import type { Exit, Outcome } from '../../app/model/session.ts'
import type { TranscriptLine, TranscriptReading } from '../../app/model/transcript.ts'
import { endGroup } from '../harness/real-agents.ts'

export interface Played {
  readonly exit: Exit
  readonly events: readonly unknown[]
  readonly readings: readonly TranscriptReading[]
  readonly lines: readonly TranscriptLine[]
  readonly sessionId: string | null
  readonly outcome: Outcome
  readonly stderr: string
}

export interface PlayOptions {
  readonly cwd: string
  readonly environment: Record<string, string>
  /** Sent once an event for which it is true has been read; `asked` says whether the person asked for it. */
  readonly stop?: {
    readonly when: (event: unknown) => boolean
    readonly signal: NodeJS.Signals
    readonly asked: boolean
  }
}

export function play(adapter: Adapter, plan: LaunchPlan, options: PlayOptions): Promise<Played> {
  const reader = adapter.transcript!()
  const events: unknown[] = []
  const readings: TranscriptReading[] = []
  return new Promise((resolve, reject) => {
    const child = spawn(plan.file, plan.args, {
      cwd: options.cwd,
      env: { ...options.environment, ...plan.environment },
      detached: true,
      stdio: [plan.stdin === 'none' ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    let rest = ''
    let stderr = ''
    child.once('error', reject)
    child.stdin?.on('error', () => {})
    if (plan.stdin !== 'none') child.stdin?.end(plan.stdin.text)
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const one of lines) {
        if (one.trim() === '') continue
        const event = parse(one)
        events.push(event)
        readings.push(reader.read(event))
        if (options.stop?.when(event)) process.kill(child.pid!, options.stop.signal)
      }
    })
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    const limit = setTimeout(() => endGroup(child), 50_000)
    child.once('close', (code, signal) => {
      clearTimeout(limit)
      endGroup(child)
      const exit = { code, signal }
      const lastEvents = reader.summary()
      const stopRequested = options.stop?.asked ?? false
      const outcome = adapter.judge({ exit, stopRequested, lastEvents, stderrTail: stderr.slice(-4000) })
      const lines = readings.flatMap((reading) => reading.lines)
      resolve({ exit, events, readings, lines, sessionId: lastEvents.sessionId, outcome, stderr })
    })
  })
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}

/** A request with the fields that a test does not care about. */
export function request(change: Partial<LaunchRequest> = {}): LaunchRequest {
  return {
    file: '/usr/bin/agent',
    mode: 'headless',
    prompt: null,
    options: {},
    resume: null,
    newSessionId: '11111111-2222-4333-8444-555555555555',
    worktree: '/work/tree',
    repositoryPath: '/work/repo',
    commonDir: '/work/repo/.git',
    adminDir: '/work/repo/.git/worktrees/tree',
    commandLine: null,
    shell: '/bin/bash',
    environment: {},
    ...change,
  }
}
