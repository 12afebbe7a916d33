// The real agent CLIs for tests: pinned, installed from the npm registry once into a cache outside the project
// ($COPPICE_TEST_CACHE, else ~/.cache/coppice-test), and given a HOME of their own whose only model is the stub. Nothing but
// the model's API is a stub. Where an install fails the tests that need it are skipped, and it is said loudly.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDirectory, withLock } from './cache.ts'
import { type ModelStub, startModelStub } from './model-stub.mjs'

/** Exact versions: an unpinned install on Node 20 picks an old Claude Code in silence. */
const packages = {
  claude: { name: '@anthropic-ai/claude-code', version: '2.1.330', binary: 'claude' },
  codex: { name: '@openai/codex', version: '0.169.0', binary: 'codex' },
  gemini: { name: '@google/gemini-cli', version: '0.61.0', binary: 'gemini' },
} as const
export type RealAgentName = keyof typeof packages

export interface RealAgent {
  readonly version: string
  /** The absolute path of its program. */
  readonly file: string
  /** The directory that holds it, for a PATH. */
  readonly directory: string
}

/** An install or a first start that takes longer than this is given up on. Milliseconds. */
const patience = 300_000

/**
 * The agents asked for, each null where it could not be had. Safe to call from several test files at once: one installs, the
 * others wait.
 */
export async function realAgents<N extends RealAgentName>(...names: N[]): Promise<Record<N, RealAgent | null>> {
  const found: Partial<Record<N, RealAgent | null>> = {}
  for (const name of names) {
    try {
      found[name] = await realAgent(name)
    } catch (error) {
      const { name: pkg, version } = packages[name]
      const why = error instanceof Error ? error.message : String(error)
      process.stderr.write(`\n**** SKIPPED: every test of the real ${pkg}@${version}: ${why}\n\n`)
      found[name] = null
    }
  }
  return found as Record<N, RealAgent | null>
}

/**
 * Whether this system lets an ordinary program make the namespaces that Codex's sandbox consists of; most containers do not. Says it
 * loudly where it does not, once a file.
 */
export function sandboxAllowed(): boolean {
  const { status, error } = spawnSync('unshare', ['--user', '--map-root-user', 'true'])
  if (error || status === 0) return true
  process.stderr.write("\n**** SKIPPED: what needs Codex's sandbox: this system forbids user namespaces\n\n")
  return false
}

async function realAgent(name: RealAgentName): Promise<RealAgent> {
  const { name: pkg, version, binary } = packages[name]
  const cache = join(cacheDirectory(), 'agents')
  const place = join(cache, `${pkg.split('/').at(-1)}-${version}`)
  const directory = join(place, 'node_modules', '.bin')
  const agent = { version, file: join(directory, binary), directory }
  // `proven` is written when it has answered to --version: a half-made install never has it.
  const proven = join(place, 'proven')
  if (existsSync(proven)) return agent
  mkdirSync(cache, { recursive: true })
  await withLock(`${place}.lock`, patience, async () => {
    if (existsSync(proven)) return
    if (!existsSync(agent.file)) await install(`${pkg}@${version}`, place)
    // The first start of a 380 MB binary may take half a minute: it is not the first test's.
    const said = await output(agent.file, ['--version'])
    if (!said.includes(version)) throw new Error(`${agent.file} --version says ${JSON.stringify(said.slice(0, 200))}`)
    writeFileSync(proven, said)
  })
  return agent
}

async function install(spec: string, place: string): Promise<void> {
  const scratch = `${place}.${process.pid}.part`
  rmSync(scratch, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  try {
    writeFileSync(join(scratch, 'package.json'), '{"private":true}')
    process.stderr.write(`Installing ${spec} into ${place} (once)\n`)
    const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
    await output(
      npm,
      ['install', '--bin-links', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', scratch, spec],
      scratch,
    )
    rmSync(place, { recursive: true, force: true })
    renameSync(scratch, place)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Runs a program to its end; rejects with its last words where it fails or takes too long. */
function output(file: string, args: readonly string[], cwd?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: patience,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(stdout)
      reject(new Error(`${file} ended with ${signal ?? code}: ${stderr.trim().slice(-500)}`))
    })
  })
}

export interface AgentScratch {
  readonly stub: ModelStub
  /**
   * What every agent needs besides PATH, HOME and git's settings. The scenario is `text` until a prompt says otherwise:
   * "[[scenario:bash]] …".
   */
  readonly environment: Record<string, string>
  /** The same with another scenario for Claude Code and Gemini (Codex has its address in a file). */
  withScenario(scenario: string): Record<string, string>
  close(): Promise<void>
}

const key = 'test-key-for-the-stub'

/**
 * Fills `home` so that Claude Code, Codex and Gemini CLI talk to a stub of their own, ask no first-start questions, send nothing
 * to anyone else, give up after one retry, and trust `repositories` (main checkouts; their worktrees follow).
 */
export async function agentScratch(home: string, repositories: readonly string[]): Promise<AgentScratch> {
  const stub = await startModelStub()
  // Where bubblewrap is installed, Codex (0.169.0) puts its sandbox's helper beside its own home, and refuses to where that lies
  // below a temporary directory, as a test's HOME does: each of its commands would then fail.
  const codexHomes = join(cacheDirectory(), 'codex-homes')
  mkdirSync(codexHomes, { recursive: true })
  const codexHome = mkdtempSync(join(codexHomes, 'home-'))
  writeClaude(home, repositories)
  writeCodex(codexHome, repositories, stub)
  writeGemini(home)
  const withScenario = (scenario: string): Record<string, string> => ({
    ANTHROPIC_BASE_URL: stub.url(scenario),
    ANTHROPIC_API_KEY: key,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_MAX_RETRIES: '1',
    CODEX_HOME: codexHome,
    STUB_KEY: key,
    GOOGLE_GEMINI_BASE_URL: stub.url(scenario),
    GEMINI_API_KEY: key,
    LANG: 'C.UTF-8',
    SHELL: '/bin/bash',
  })
  const close = async () => {
    await stub.close()
    rmSync(codexHome, { recursive: true, force: true, maxRetries: 5 })
  }
  return { stub, environment: withScenario('text'), withScenario, close }
}

function writeClaude(home: string, repositories: readonly string[]): void {
  const settings = {
    hasCompletedOnboarding: true,
    hasSeenAutoDefaultNotice: true,
    customApiKeyResponses: { approved: [key.slice(-20)], rejected: [] },
    // Trust is of the main checkout and covers its worktrees.
    projects: Object.fromEntries(repositories.map((path) => [path, { hasTrustDialogAccepted: true }])),
  }
  writeFileSync(join(home, '.claude.json'), JSON.stringify(settings))
}

function writeCodex(codexHome: string, repositories: readonly string[], stub: ModelStub): void {
  const projects = repositories.map((path) => `[projects.${JSON.stringify(path)}]\ntrust_level = "trusted"\n`)
  // Newer models use another shape of tools. The sandbox may write to /tmp by default, where tests have their repositories.
  writeFileSync(
    join(codexHome, 'config.toml'),
    `model = "gpt-5.5"
model_provider = "stub"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.stub]
name = "stub"
base_url = "${stub.url('text')}/v1"
wire_api = "responses"
env_key = "STUB_KEY"
[sandbox_workspace_write]
exclude_slash_tmp = true
exclude_tmpdir_env_var = true
[notice.model_migrations]
"gpt-5.5" = "gpt-6-sol"
${projects.join('')}`,
  )
}

function writeGemini(home: string): void {
  mkdirSync(join(home, '.gemini'), { recursive: true })
  const settings = {
    security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
    privacy: { usageStatisticsEnabled: false },
    general: { enableAutoUpdate: false, maxAttempts: 1 },
  }
  writeFileSync(join(home, '.gemini', 'settings.json'), JSON.stringify(settings))
}

/** Ends a child and everything in its process group: agents leave tools behind. */
export function endGroup(child: ChildProcess | { readonly pid: number | undefined }): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // The group is gone already.
  }
}
