// A scripted agent: a real binary for tests that must be deterministic. It does what its steps say, in order, then exits with 0.
//
//   node fake-agent.mjs STEP STEP …      each argument is a step; or else, where the first argument begins with "-" or is missing:
//   FAKE_AGENT_SCRIPT=FILE               the file's lines are the steps;
//   … -- PROMPT, or $COPPICE_PROMPT, or the file $COPPICE_PROMPT_FILE: the prompt's lines are the steps (";;" parts them too).
//   --version                            prints 0.0.1 (fake) and exits
//
// A step is a verb and the rest of its line; \n \t \r \e \a \\ and \xNN are understood in texts. Lines that begin with # are nothing.
//
//   print TEXT · raw TEXT (no newline) · stderr TEXT · json TEXT (one line, as it is)
//   sleep MS · forever · until FILE (waits until FILE is there) · exit CODE · kill SIGNAL (itself) · fail TEXT (stderr, exit 1)
//   commit [N] [MESSAGE] (N commits, a line in fake.txt each; prints "committed SHA") · branch NAME (git switch -c)
//   file PATH TEXT · append PATH TEXT · big PATH BYTES · touch FILE · pid FILE (writes its own pid)
//   title TEXT · bell · status STATE [KIND] [TEXT] (OSC 7501) · osc NUMBER TEXT · mode NUMBERh|l (CSI ? …)
//   flood LINES [WIDTH] (numbered lines) · bytes N (N bytes of a known pattern)
//   read (a line; prints "read: …") · ask QUESTION|A|B (numbered answers, OSC 7501 blocked; prints "answered: A")
//   type N (prints the next N bytes that are typed, in hex, as they came) · stdin (all of it; prints its length and SHA-256)
//   query da1|cpr|xtversion|kitty|colour|status [MS] (prints the terminal's reply in JSON, or "none")
//   size (prints COLSxROWS) · watch-size (prints it after every change) · args · env NAME · cwd
//   ignore TERM,HUP,INT (prints "ignored TERM" instead of ending) · on-term TEXT (prints TEXT, then exits with 143)
//   child MS · setsid MS · double-fork MS · children N MS (each starts `sleep`; prints "KIND PID") · escape MS (setsid, no marks)
//   repeat N STEP
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const args = process.argv.slice(2)
const input = keysTyped()

const out = (text) => new Promise((resolve) => process.stdout.write(text, resolve))
const say = (text) => out(`${text}\n`)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, Number(ms)))
const git = (...words) => execFileSync('git', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
const isTerminal = () => process.stdin.isTTY && process.stdout.isTTY

const steps = {
  print: (rest) => say(plain(rest)),
  raw: (rest) => out(plain(rest)),
  json: (rest) => say(rest),
  stderr: (rest) => new Promise((resolve) => process.stderr.write(`${plain(rest)}\n`, resolve)),
  async fail(rest) {
    await steps.stderr(rest)
    process.exit(1)
  },
  sleep,
  // A timer, since a promise that nobody settles does not keep Node alive.
  forever: () => new Promise(() => setInterval(() => {}, 60_000)),
  async until(path) {
    while (!existsSync(path)) await sleep(20)
  },
  async exit(code) {
    await out('')
    process.exit(Number(code))
  },
  async kill(signal) {
    await out('')
    process.kill(process.pid, `SIG${signal.replace(/^SIG/, '')}`)
    await sleep(10_000)
  },

  async commit(rest) {
    const [, many = '1', message = 'Fake commit'] = /^(\d+)?\s*(.*)$/.exec(rest) ?? []
    for (let i = 1; i <= Number(many || 1); i++) {
      appendFileSync('fake.txt', `${message || 'Fake commit'} ${i}\n`)
      git('add', '--all')
      git('commit', '--quiet', '--message', `${message || 'Fake commit'} ${i}`)
      await say(`committed ${git('rev-parse', 'HEAD')}`)
    }
  },
  branch: (name) => void git('switch', '--quiet', '--create', name),
  file: (rest) => put(rest, writeFileSync),
  append: (rest) => put(rest, appendFileSync),
  big(rest) {
    const [path, bytes] = rest.split(' ')
    writeFileSync(path, Buffer.alloc(Number(bytes), 'x'))
  },
  touch: (path) => put(path, writeFileSync),
  pid: (path) => writeFileSync(path, `${process.pid}\n`),

  title: (rest) => out(`\x1b]0;${plain(rest)}\x07`),
  bell: () => out('\x07'),
  osc(rest) {
    const [number, ...text] = rest.split(' ')
    return out(`\x1b]${number};${plain(text.join(' '))}\x07`)
  },
  mode: (rest) => out(`\x1b[?${rest}`),
  status(rest) {
    const [state, kind, ...message] = rest.split(' ')
    const encoded = Buffer.from(plain(message.join(' '))).toString('base64')
    return out(
      `\x1b]7501;state=${state}:app=fake${kind ? `:kind=${kind}` : ''}${encoded ? `:msg=${encoded}` : ''}\x1b\\`,
    )
  },

  async flood(rest) {
    const [lines, width = '60'] = rest.split(' ')
    const fill = '.'.repeat(Math.max(0, Number(width) - 9))
    for (let from = 1; from <= Number(lines); from += 500) {
      let chunk = ''
      for (let i = from; i < from + 500 && i <= Number(lines); i++) chunk += `${String(i).padStart(8, '0')} ${fill}\n`
      await out(chunk)
    }
  },
  async bytes(many) {
    const pattern = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0')).join('')
    for (let left = Number(many); left > 0; left -= pattern.length) await out(pattern.slice(0, left))
  },

  async read() {
    let line = ''
    for (;;) {
      const byte = await input.next()
      if (byte === null || byte === 0x0a || byte === 0x0d) break
      line += String.fromCharCode(byte)
    }
    await say(`read: ${Buffer.from(line, 'latin1').toString('utf8')}`)
  },
  async ask(rest) {
    const [question, ...answers] = rest.split('|')
    await say(`? ${question}`)
    for (const [index, answer] of answers.entries()) await say(`  ${index + 1}. ${answer}`)
    await steps.status(`blocked question ${question}`)
    raw(true)
    for (;;) {
      const byte = await input.next()
      if (byte === null) process.exit(1)
      if (byte === 0x03) process.exit(130)
      const answer = answers[byte - 0x31]
      if (answer === undefined) continue
      raw(false)
      await steps.status('working')
      return say(`answered: ${answer}`)
    }
  },
  async type(many) {
    raw(true)
    const got = []
    while (got.length < Number(many)) {
      const byte = await input.next()
      if (byte === null) break
      got.push(byte)
    }
    raw(false)
    await say(`typed: ${Buffer.from(got).toString('hex')}`)
  },
  async stdin() {
    const got = []
    for (;;) {
      const byte = await input.next()
      if (byte === null) break
      got.push(byte)
    }
    const all = Buffer.from(got)
    await say(`stdin: ${all.length} ${createHash('sha256').update(all).digest('hex')}`)
  },
  async query(rest) {
    const [name, ms = '2000'] = rest.split(' ')
    const asked = {
      da1: '\x1b[c',
      cpr: '\x1b[6n',
      xtversion: '\x1b[>q',
      kitty: '\x1b[?u',
      colour: '\x1b]11;?\x1b\\',
      status: '\x1b]7501;?\x07',
    }[name]
    raw(true)
    await out(asked ?? plain(name))
    let reply = ''
    for (let byte = await input.next(Number(ms)); byte !== null; byte = await input.next(100))
      reply += String.fromCharCode(byte)
    raw(false)
    await say(`reply: ${reply === '' ? 'none' : JSON.stringify(reply)}`)
  },

  size: () => say(`size: ${process.stdout.columns}x${process.stdout.rows}`),
  'watch-size': () => void process.stdout.on('resize', () => steps.size()),
  args: () => say(`args: ${JSON.stringify(args)}`),
  env: (name) => say(`env: ${name}=${process.env[name] ?? '(unset)'}`),
  cwd: () => say(`cwd: ${process.cwd()}`),

  ignore(rest) {
    for (const name of rest.split(',')) process.on(`SIG${name}`, () => void say(`ignored ${name}`))
  },
  'on-term': (rest) => void process.on('SIGTERM', () => void say(plain(rest)).then(() => process.exit(143))),
  child: (ms) => started('child', ms, { detached: false }),
  setsid: (ms) => started('setsid', ms, { detached: true }),
  async children(rest) {
    const [many, ms] = rest.split(' ')
    for (let i = 0; i < Number(many); i++) await started('child', ms, { detached: false })
  },
  // Without the marks in its environment and in a session of its own: what only its parents in time can tell.
  escape: (ms) => started('escape', ms, { detached: true, env: { PATH: process.env.PATH } }),
  /** Its parent is gone at once, so that it hangs on init and not on us. */
  async 'double-fork'(ms) {
    const script = `sleep ${Number(ms) / 1000} >/dev/null 2>&1 </dev/null & echo $!`
    await say(`double-fork ${execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()}`)
  },

  async repeat(rest) {
    const [many, ...step] = rest.split(' ')
    for (let i = 0; i < Number(many); i++) await run(step.join(' '))
  },
}

function started(kind, ms, options) {
  const child = spawn('sleep', [String(Number(ms) / 1000)], { stdio: 'ignore', ...options })
  child.on('error', () => {})
  child.unref()
  return say(`${kind} ${child.pid}`)
}

function put(rest, write) {
  const [path, ...text] = rest.split(' ')
  if (dirname(path) !== '.') mkdirSync(dirname(path), { recursive: true })
  write(path, text.length > 0 ? `${plain(text.join(' '))}\n` : '')
}

function raw(on) {
  if (isTerminal()) process.stdin.setRawMode(on)
}

/** Everything typed, byte by byte and in order, whether or not a step is waiting for it yet. */
function keysTyped() {
  const waiting = []
  const typed = []
  let ended = false
  let open = false
  const wake = () => {
    while (waiting.length > 0 && (typed.length > 0 || ended)) waiting.shift()(typed.shift() ?? null)
    // Nobody waits: an input that is only listened to must not keep the agent alive.
    if (waiting.length === 0) process.stdin.unref?.()
  }
  const start = () => {
    open = true
    process.stdin.on('data', (chunk) => {
      typed.push(...chunk)
      wake()
    })
    process.stdin.on('end', () => {
      ended = true
      wake()
    })
    process.stdin.on('error', () => {
      ended = true
      wake()
    })
  }
  return {
    /** The next byte; null at the end of the input, or after `ms` without one. */
    next(ms) {
      if (!open) start()
      if (typed.length > 0) return Promise.resolve(typed.shift())
      if (ended) return Promise.resolve(null)
      process.stdin.ref?.()
      return new Promise((resolve) => {
        waiting.push(resolve)
        if (ms === undefined) return
        setTimeout(() => {
          const index = waiting.indexOf(resolve)
          if (index < 0) return
          waiting.splice(index, 1)
          wake()
          resolve(null)
        }, ms)
      })
    },
  }
}

function plain(text) {
  const named = { n: '\n', t: '\t', r: '\r', e: '\x1b', a: '\x07', '\\': '\\' }
  return text.replace(/\\(x[0-9a-fA-F]{2}|[ntrea\\])/g, (_, code) =>
    code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : named[code],
  )
}

async function run(step) {
  const [, verb, rest] = /^\s*(\S+)\s?([\s\S]*)$/.exec(step) ?? []
  if (verb === undefined || verb.startsWith('#')) return
  if (!Object.hasOwn(steps, verb)) {
    process.stderr.write(`fake-agent: unknown step ${JSON.stringify(step)}\n`)
    process.exit(2)
  }
  await steps[verb](rest)
}

function script() {
  if (args.length > 0 && !args[0].startsWith('-')) return args
  const { FAKE_AGENT_SCRIPT, COPPICE_PROMPT, COPPICE_PROMPT_FILE } = process.env
  if (FAKE_AGENT_SCRIPT) return readFileSync(FAKE_AGENT_SCRIPT, 'utf8').split('\n')
  const dashes = args.indexOf('--')
  const prompt =
    dashes >= 0
      ? args.slice(dashes + 1).join(' ')
      : (COPPICE_PROMPT ?? (COPPICE_PROMPT_FILE ? readFileSync(COPPICE_PROMPT_FILE, 'utf8') : ''))
  return prompt.split(/\n|;;/)
}

if (args[0] === '--version') {
  await say('0.0.1 (fake)')
} else {
  for (const step of script()) await run(step)
  // Children and timers must not hold it up: the script is over.
  await out('')
  process.exit(process.exitCode ?? 0)
}
