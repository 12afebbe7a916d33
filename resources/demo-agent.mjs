// The demo's agent: a script that behaves like one. Usage: node demo-agent.mjs edit|ask|flood|fail [--resumed]
// It works in the current directory, which is a worktree of the demo's repository, with real files, real git and a real
// terminal; it reports its state by OSC 7501 as Claude Code and Codex do. Plain Node, no dependencies.
// DEMO_AGENT_SPEED divides every pause (tests set it high).
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

const [script = 'edit', ...flags] = process.argv.slice(2)
const resumed = flags.includes('--resumed')
const speed = Number(process.env.DEMO_AGENT_SPEED) || 1

const write = (text) => new Promise((resolve) => process.stdout.write(text, resolve))
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms / speed))
const colour = (code) => (text) => `\x1b[${code}m${text}\x1b[0m`
const [bold, dim, red, green, yellow, cyan] = [1, 2, 31, 32, 33, 36].map(colour)

/** The program status protocol: idle, working, blocked, done, error; what is asked goes in base64. */
const status = (state, { kind, message } = {}) =>
  write(
    `\x1b]7501;state=${state}:app=coppice-demo${kind ? `:kind=${kind}` : ''}` +
      `${message ? `:msg=${Buffer.from(message).toString('base64')}` : ''}\x1b\\`,
  )
const title = (text) => write(`\x1b]0;${text}\x07`)

async function say(text) {
  await write(`${cyan('●')} `)
  for (const word of text.split(' ')) {
    await write(`${word} `)
    await pause(45)
  }
  await write('\n\n')
}

async function tool(name, detail, work) {
  await write(`${dim('┌')} ${bold(name)} ${detail}\n`)
  await pause(500)
  const result = await work()
  for (const one of String(result ?? 'done').split('\n')) await write(`${dim('│')} ${one}\n`)
  await write(`${dim('└')}\n\n`)
  await pause(400)
}

const git = (...args) => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()

/** A commit of everything, by the person's own name where git knows it. */
function commit(message) {
  git('add', '--all')
  if (git('status', '--porcelain') === '') return 'Nothing to commit'
  const who = ['-c', 'user.name=Demo agent', '-c', 'user.email=demo@localhost']
  git(...(knowsAuthor() ? [] : who), '-c', 'commit.gpgSign=false', 'commit', '--quiet', '--message', message)
  return git('log', '--oneline', '--max-count=1')
}

function knowsAuthor() {
  try {
    git('var', 'GIT_AUTHOR_IDENT')
    return true
  } catch {
    return false
  }
}

const read = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const edit = (path, content) =>
  tool('Edit', path, () => {
    const before = read(path).split('\n')
    const after = content.split('\n')
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    const gone = before.filter((one) => !after.includes(one)).map((one) => red(`- ${one}`))
    const added = after.filter((one) => !before.includes(one)).map((one) => green(`+ ${one}`))
    return [...gone, ...added].join('\n') || 'No change'
  })

const commitStep = (message) => tool('Git', `commit "${message}"`, () => commit(message))

async function editScript() {
  await say(resumed ? 'I go on from where I was and say goodbye too.' : 'I add a greeting by name, in two steps.')
  if (resumed) {
    const source = read('src/greeting.js')
    const added = "\nexport function farewell(name) {\n  return 'Goodbye, ' + name + '!'\n}\n"
    await edit('src/greeting.js', source.includes('farewell') ? source : source + added)
    await commitStep('Say goodbye')
  } else {
    await edit('src/greeting.js', "export function greeting(name = 'world') {\n  return 'Hello, ' + name + '!'\n}\n")
    await commitStep('Greet people by name')
    const main = "import { greeting } from './greeting.js'\n\nconsole.log(greeting(process.argv[2]))\n"
    await edit('src/main.js', main)
    await tool('Shell', 'node src/main.js Ada', () =>
      execFileSync(process.execPath, ['src/main.js', 'Ada'], { encoding: 'utf8' }).trim(),
    )
    await commitStep('Take the name from the command line')
  }
  await say('Done: the work is committed on my own branch.')
}

const formats = [
  { label: 'ISO 8601, like 2026-01-31', code: 'new Date().toISOString().slice(0, 10)' },
  { label: 'In words, like 31 January 2026', code: "new Date().toLocaleDateString('en-GB', { dateStyle: 'long' })" },
]

async function askScript() {
  await say('I can add the date in one of two formats.')
  const question = 'Which date format should the greeting use?'
  await write(`${yellow('?')} ${bold(question)}\n`)
  for (const [index, { label }] of formats.entries()) await write(`  ${bold(index + 1)}. ${label}\n`)
  await write(dim('  Press 1 or 2.\n\n'))
  // Keys are read before the question is announced: a terminal that is not raw yet would make a signal of an early Ctrl-C.
  const answer = keyOf(['1', '2'])
  await title('? Date format')
  await status('blocked', { kind: 'question', message: question })
  const chosen = formats[await answer]
  await status('working')
  await title('Adding the date')
  await say(`${chosen.label.split(',')[0]} it is.`)
  const source = `export function greeting(name = 'world') {\n  return \`Hello, \${name}! Today is \${${chosen.code}}.\`\n}\n`
  await edit('src/greeting.js', source)
  await commitStep('Add the date to the greeting')
  await say('Done, with the format that you chose.')
}

/** Waits for one of these keys and gives its place in the list. Ctrl-C ends the agent, as it would any. */
function keyOf(keys) {
  return new Promise((resolve) => {
    if (process.stdin.isTTY) process.stdin.setRawMode(true)
    process.stdin.resume()
    const onData = (bytes) => {
      for (const key of bytes.toString('utf8')) {
        if (key === '\x03') process.exit(130)
        if (!keys.includes(key)) continue
        process.stdin.off('data', onData)
        if (process.stdin.isTTY) process.stdin.setRawMode(false)
        process.stdin.pause()
        return resolve(keys.indexOf(key))
      }
    }
    process.stdin.on('data', onData)
    // Nobody will ever answer: a closed input is no answer.
    process.stdin.once('end', () => process.exit(1))
  })
}

const floodLines = 200_000

async function floodScript() {
  await say('I print 200,000 lines in ten bursts. Watch the other tiles: they do not care.')
  let printed = 0
  for (let burst = 1; burst <= 10; burst++) {
    while (printed < (floodLines / 10) * burst) {
      let chunk = ''
      for (let i = 0; i < 200; i++) {
        printed += 1
        const level = printed % 97 === 0 ? yellow('warn ') : dim('info ')
        chunk += `${dim(String(printed).padStart(6, '0'))} ${level} request ${(printed * 7919) % 10_007} took ${printed % 240} ms\n`
      }
      await write(chunk)
    }
    await title(`Burst ${burst} of 10`)
    await pause(900)
  }
  await write('\n')
  await edit('FLOOD.md', `# Flood\n\nPrinted ${printed.toLocaleString('en-GB')} lines.\n`)
  await commitStep('Note how much was printed')
  await say('That was all. Scroll back as far as you like.')
}

async function failScript() {
  await say('I run the checks.')
  await edit(
    'src/check.js',
    "import { greeting } from './greeting.js'\n\nif (greeting() !== 'Hi!') throw new Error('The greeting is not \"Hi!\"')\n",
  )
  await tool('Shell', 'node src/check.js', () => {
    try {
      return execFileSync(process.execPath, ['src/check.js'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    } catch (error) {
      return red(
        String(error.stderr)
          .trim()
          .split('\n')
          .filter((one) => one.includes('Error'))
          .join('\n'),
      )
    }
  })
  const reason = 'The check failed: the greeting is not "Hi!"'
  await write(`${red('✖')} ${bold(reason)}\n${dim('src/check.js is left uncommitted.')}\n`)
  await status('error', { message: reason })
  await title('')
  process.exitCode = 1
}

const scripts = { edit: editScript, ask: askScript, flood: floodScript, fail: failScript }
const run = Object.hasOwn(scripts, script) ? scripts[script] : undefined
if (!run) {
  console.error(`Unknown script ${JSON.stringify(script)}: use ${Object.keys(scripts).join(', ')}`)
  process.exit(2)
}
await write(`${bold('Coppice demo agent')} ${dim(`· ${script} · no model, no network`)}\n\n`)
await title(`Demo: ${script}`)
await status('working')
await pause(600)
await run()
if (!process.exitCode) {
  await status('done')
  await title('')
}
