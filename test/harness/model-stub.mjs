// A stub of the model APIs only (Anthropic Messages, OpenAI Responses, OpenAI Chat Completions, Gemini generateContent): the
// agent CLIs that talk to it are the real ones, and what they do to files, git and terminals is real. It binds to loopback,
// needs nothing but Node, and answers by a script:
//
//   http://127.0.0.1:PORT/s/SCENARIO[,option=value…]   is the base URL an agent is given (codex and opencode add /v1);
//   [[scenario:NAME,option=value]] in the last prompt  wins over the URL, so that one host can start runs that differ.
//
// Scenarios: text write bash full loop slow sleepcmd ask task read touch osc hang · eNNN (HTTP error NNN; eNNNxK: the first K calls).
// Options: in, out (tokens, default 1000 and 50) · ms (delay of slow's words) · file (what read reads and touch writes) · k (counts apart).
// From a shell: `node model-stub.mjs [PORT]` prints its address.
import { createServer } from 'node:http'

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const chunksOf = (text, size) => text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? ['']

const bash = (command, description) => ({ name: 'bash', input: { command, description } })
const write = (cwd) => ({ name: 'write', input: { path: `${cwd}/hello.txt`, content: 'hello from the stub\n' } })
const commit = (message) => `git add -A && git commit -q -m "${message}" && git log --oneline | head -1`

// What the model says, by how many rounds of tool results follow the last prompt. Tools have abstract names (`toolFor`).
const scenarios = {
  text: () => ({ text: 'Hello, this is the stub model speaking.' }),
  write: (n, c) =>
    n === 0
      ? { text: 'I will create hello.txt.', tools: [write(c.cwd)] }
      : { text: 'Done: hello.txt is there, or it was not allowed.' },
  bash: (n) =>
    n === 0
      ? {
          text: 'Running a command.',
          tools: [bash(`echo from-bash >> bash.txt && ${commit('stub commit')}`, 'Commit work')],
        }
      : { text: 'Committed.' },
  full: (n, c) =>
    [
      { thinking: 'Let me plan.', text: 'Plan: write, then commit.', tools: [bash('git status --short', 'Look')] },
      { text: 'Writing.', tools: [write(c.cwd)] },
      { text: 'Committing.', tools: [bash(commit('Add hello'), 'Commit')] },
      { text: 'All done: wrote hello.txt and committed it.' },
    ][Math.min(n, 3)],
  loop: (n) => ({ text: `Step ${n}.`, tools: [bash(`echo step-${n}`, 'Echo')] }),
  sleepcmd: (n) =>
    n === 0
      ? { text: 'Running a slow command.', tools: [bash('echo $$ > sleeping.pid; sleep 120; echo slept', 'Sleep')] }
      : { text: 'Slept.' },
  ask: (n) =>
    n === 0
      ? {
          text: 'A question.',
          tools: [
            {
              name: 'ask',
              input: {
                questions: [
                  {
                    question: 'Which colour?',
                    header: 'Colour',
                    multiSelect: false,
                    options: [
                      { label: 'Red', description: 'warm' },
                      { label: 'Blue', description: 'cold' },
                    ],
                  },
                ],
              },
            },
          ],
        }
      : { text: 'Thanks for the answer.' },
  task: (n) =>
    n === 0
      ? {
          text: 'Delegating.',
          tools: [
            {
              name: 'task',
              input: { description: 'Look around', prompt: 'SUBAGENT: say hi', subagent_type: 'general-purpose' },
            },
          ],
        }
      : { text: 'The subagent finished.' },
  read: (n, c, options) =>
    n === 0
      ? { text: 'Reading.', tools: [{ name: 'read', input: { path: options.file ?? `${c.cwd}/README.md` } }] }
      : { text: 'Read it.' },
  touch: (n, _c, options) =>
    n === 0
      ? { text: 'Writing elsewhere.', tools: [bash(`echo x > '${options.file}'; echo rc=$?`, 'Write')] }
      : { text: 'Tried.' },
  slow: (_n, _c, options) => ({
    text: Array.from({ length: 60 }, (_, i) => `word${i}`).join(' '),
    delay: Number(options.ms ?? 500),
  }),
  osc: () => ({ text: 'Before \u001b]0;pwned title\u0007\u001b]52;c;aGk=\u0007 \u001b[31mred\u001b[0m after' }),
}

/** Turns an abstract tool into the one that this client offers, with its own name and argument names. */
function toolFor({ name, input }, offered) {
  const pick = (...names) => names.find((candidate) => offered.includes(candidate))
  switch (name) {
    case 'write': {
      const { path, content } = input
      const tool = pick('Write', 'write', 'write_file', 'create_file', 'create')
      if (tool) return { name: tool, input: writeInput(tool, path, content) }
      return toolFor(bash(`printf '%s\\n' ${JSON.stringify(content.trim())} > '${path}'`), offered)
    }
    case 'read': {
      const tool = pick('Read', 'read', 'read_file')
      // Each client refuses arguments that it does not know. A few lines prove that it may read the file at all.
      if (tool === 'read') return { name: tool, input: { filePath: input.path, limit: 20 } }
      if (tool === 'Read') return { name: tool, input: { file_path: input.path, limit: 20 } }
      if (tool) return { name: tool, input: { file_path: input.path } }
      return toolFor(bash(`cat '${input.path}' > /dev/null && echo read it`), offered)
    }
    case 'bash': {
      const { command, description = 'Run a command' } = input
      const tool =
        pick('Bash', 'bash', 'run_shell_command', 'exec_command', 'shell_command', 'shell', 'local_shell') ?? 'Bash'
      if (tool === 'exec_command') return { name: tool, input: { cmd: command } }
      if (tool === 'shell') return { name: tool, input: { command: ['bash', '-lc', command] } }
      if (tool === 'shell_command') return { name: tool, input: { command } }
      if (tool === 'run_shell_command') return { name: tool, input: { command, description, is_background: false } }
      return { name: tool, input: { command, description } }
    }
    case 'task':
      return { name: pick('Agent', 'Task', 'task') ?? 'Task', input }
    case 'ask':
      return { name: pick('AskUserQuestion', 'ask_user', 'question') ?? 'AskUserQuestion', input }
    default:
      return { name, input }
  }
}

function writeInput(tool, path, content) {
  if (tool === 'Write') return { file_path: path, content }
  if (tool === 'write') return { filePath: path, path, content }
  if (tool === 'write_file') return { file_path: path, content }
  if (tool === 'create') return { path, file_text: content }
  return { path, content }
}

/** The directory an agent says it works in, found in its system prompt. */
function cwdIn(text) {
  const match =
    text.match(/Workspace Directories:\**(?:\\n|\s)*-?\s*`?([/][^\s"\\`<]+)/) ??
    text.match(/[Ww]orking directory(?: is)?:?\**\s*`?([/][^\s"\\`<]+)/) ??
    text.match(/<cwd>([^<]+)<\/cwd>/) ??
    text.match(/directory: ([/][^\s"\\`]+)/)
  return match ? match[1].replace(/[.,]$/, '') : '/nonexistent'
}

const textOf = (content) =>
  typeof content === 'string'
    ? content
    : Array.isArray(content)
      ? content.map((part) => part?.text ?? '').join('\n')
      : ''

/** Reads each API's request into the same few facts: the rounds since the last prompt, that prompt, the tools offered. */
const readers = {
  anthropic(body) {
    const offered = (body.tools ?? []).map((tool) => tool.name ?? tool.type)
    let rounds = 0
    let prompt = ''
    for (const message of [...(body.messages ?? [])].reverse()) {
      if (message.role !== 'user') continue
      const parts = Array.isArray(message.content) ? message.content : [{ type: 'text', text: message.content }]
      if (parts.some((part) => part.type === 'tool_result')) {
        rounds += 1
        continue
      }
      const spoken = parts.filter((part) => part.type === 'text' && !part.text.startsWith('<system-reminder>'))
      if (spoken.length === 0) continue
      prompt = textOf(spoken)
      break
    }
    return {
      offered,
      rounds,
      prompt,
      cwd: cwdIn(JSON.stringify(body.system ?? '') + JSON.stringify(body.messages ?? [])),
    }
  },
  responses(body) {
    const offered = (body.tools ?? []).map((tool) => tool.name ?? tool.type)
    let rounds = 0
    let prompt = ''
    for (const item of [...(body.input ?? [])].reverse()) {
      if (String(item.type ?? '').endsWith('_output')) rounds += 1
      else if (item.role === 'user') {
        prompt = textOf(item.content)
        break
      }
    }
    return { offered, rounds, prompt, cwd: cwdIn(JSON.stringify(body.input ?? []) + (body.instructions ?? '')) }
  },
  chat(body) {
    const offered = (body.tools ?? []).map((tool) => tool.function?.name)
    let rounds = 0
    let prompt = ''
    let previous = ''
    for (const message of [...(body.messages ?? [])].reverse()) {
      if (message.role === 'tool') rounds += previous === 'tool' ? 0 : 1
      else if (message.role === 'user') {
        prompt = textOf(message.content)
        break
      }
      previous = message.role
    }
    return { offered, rounds, prompt, cwd: cwdIn(JSON.stringify(body.messages ?? [])) }
  },
  gemini(body) {
    const offered = (body.tools ?? []).flatMap((tool) => (tool.functionDeclarations ?? []).map((one) => one.name))
    let rounds = 0
    let prompt = ''
    for (const content of [...(body.contents ?? [])].reverse()) {
      if (content.role !== 'user' && content.role !== 'function') continue
      if ((content.parts ?? []).some((part) => part.functionResponse)) rounds += 1
      else {
        prompt = textOf(content.parts)
        break
      }
    }
    return {
      offered,
      rounds,
      prompt,
      cwd: cwdIn(JSON.stringify(body.systemInstruction ?? '') + JSON.stringify(body.contents ?? [])),
    }
  },
}

/** Writes one answer in each API's own streaming form. `act` is {text?, thinking?, tools?, delay?}; tools are the client's. */
const writers = {
  async anthropic(response, body, act, tokens, id) {
    const usage = {
      input_tokens: tokens.in,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: tokens.out,
    }
    const content = [
      ...(act.thinking ? [{ type: 'thinking', thinking: act.thinking, signature: 'c3R1Yg==' }] : []),
      ...(act.text ? [{ type: 'text', text: act.text }] : []),
      ...act.tools.map((tool) => ({ type: 'tool_use', id: id('toolu'), ...tool })),
    ]
    const stop = act.tools.length > 0 ? 'tool_use' : 'end_turn'
    const message = {
      id: id('msg'),
      type: 'message',
      role: 'assistant',
      model: body.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...usage, output_tokens: 1 },
    }
    if (!body.stream) return sendJson(response, 200, { ...message, content, stop_reason: stop, usage })
    const send = eventStream(response)
    const event = (type, rest) => send({ type, ...rest }, type)
    event('message_start', { message })
    for (const [index, block] of content.entries()) {
      const empty = { text: { text: '' }, thinking: { thinking: '', signature: '' }, tool_use: { input: {} } }
      event('content_block_start', { index, content_block: { ...block, ...empty[block.type] } })
      const delta = (value) => event('content_block_delta', { index, delta: value })
      if (block.type === 'thinking') {
        delta({ type: 'thinking_delta', thinking: block.thinking })
        delta({ type: 'signature_delta', signature: block.signature })
      } else if (block.type === 'tool_use') {
        delta({ type: 'input_json_delta', partial_json: JSON.stringify(block.input) })
      } else {
        for (const part of chunksOf(block.text, 8)) {
          if (response.destroyed) return
          delta({ type: 'text_delta', text: part })
          if (act.delay) await sleep(act.delay)
        }
      }
      event('content_block_stop', { index })
    }
    event('message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage })
    event('message_stop', {})
    response.end()
  },

  async responses(response, body, act, tokens, id) {
    const send = eventStream(response)
    let sequence = 0
    const event = (type, rest) => send({ type, sequence_number: sequence++, ...rest }, type)
    const base = {
      id: id('resp'),
      object: 'response',
      created_at: 1_700_000_000,
      model: body.model,
      status: 'in_progress',
      output: [],
    }
    const output = []
    const add = (item, empty) => {
      event('response.output_item.added', { output_index: output.length, item: { ...item, ...empty } })
      return () => {
        event('response.output_item.done', { output_index: output.length, item })
        output.push(item)
      }
    }
    event('response.created', { response: base })
    if (act.text) {
      const content = [{ type: 'output_text', text: act.text, annotations: [] }]
      const item = { id: id('msg'), type: 'message', role: 'assistant', status: 'completed', content }
      const done = add(item, { status: 'in_progress', content: [] })
      for (const delta of chunksOf(act.text, 8)) {
        if (response.destroyed) return
        event('response.output_text.delta', {
          item_id: item.id,
          output_index: output.length,
          content_index: 0,
          delta,
        })
        if (act.delay) await sleep(act.delay)
      }
      done()
    }
    for (const { name, input } of act.tools) {
      const call = { name, call_id: id('call'), arguments: JSON.stringify(input) }
      add({ id: id('fc'), type: 'function_call', status: 'completed', ...call }, { arguments: '' })()
    }
    const usage = {
      input_tokens: tokens.in,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: tokens.out,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: tokens.in + tokens.out,
    }
    event('response.completed', { response: { ...base, status: 'completed', output, usage } })
    response.end()
  },

  async chat(response, body, act, tokens, id) {
    const usage = {
      prompt_tokens: tokens.in,
      completion_tokens: tokens.out,
      total_tokens: tokens.in + tokens.out,
    }
    const calls = act.tools.map((tool, index) => ({
      index,
      id: id('call'),
      type: 'function',
      function: { name: tool.name, arguments: JSON.stringify(tool.input) },
    }))
    const finish = calls.length > 0 ? 'tool_calls' : 'stop'
    const head = { id: id('chatcmpl'), created: 1_700_000_000, model: body.model }
    if (!body.stream) {
      const message = { role: 'assistant', content: act.text ?? '', ...(calls.length > 0 ? { tool_calls: calls } : {}) }
      const choices = [{ index: 0, message, finish_reason: finish }]
      return sendJson(response, 200, { ...head, object: 'chat.completion', choices, usage })
    }
    const send = eventStream(response)
    const chunk = (choices, rest) => send({ ...head, object: 'chat.completion.chunk', choices, ...rest })
    const delta = (value, finish_reason = null) => chunk([{ index: 0, delta: value, finish_reason }])
    delta({ role: 'assistant', content: '' })
    for (const content of chunksOf(act.text ?? '', 8)) {
      if (response.destroyed) return
      delta({ content })
      if (act.delay) await sleep(act.delay)
    }
    if (calls.length > 0) delta({ tool_calls: calls })
    delta({}, finish)
    chunk([], { usage })
    response.end('data: [DONE]\n\n')
  },

  async gemini(response, body, act, tokens, id, url) {
    const usageMetadata = {
      promptTokenCount: tokens.in,
      candidatesTokenCount: tokens.out,
      totalTokenCount: tokens.in + tokens.out,
    }
    const calls = act.tools.map((tool) => ({ functionCall: { name: tool.name, args: tool.input } }))
    const candidate = (parts, last) => ({
      candidates: [{ content: { role: 'model', parts }, index: 0, ...(last ? { finishReason: 'STOP' } : {}) }],
      usageMetadata,
      modelVersion: body.model ?? 'stub',
      responseId: id('g'),
    })
    const text = act.text ? [{ text: act.text }] : []
    if (!url.includes('stream')) return sendJson(response, 200, candidate([...text, ...calls], true))
    const send = eventStream(response)
    for (const part of chunksOf(act.text ?? '', 8)) {
      if (response.destroyed) return
      send(candidate([{ text: part }], false))
      if (act.delay) await sleep(act.delay)
    }
    send(candidate(calls.length > 0 ? calls : [{ text: '' }], true))
    response.end()
  },
}

/** What is said to a request that offers no tools: titles, summaries and model routers, which have no part in a scenario. */
function sideAnswer(kind, body) {
  if (kind === 'gemini' && JSON.stringify(body.generationConfig ?? {}).includes('json')) {
    const text = JSON.stringify({
      reasoning: 'stub',
      model_choice: 'flash',
      complexity_score: 10,
      complexity_reasoning: 'x',
    })
    return { text }
  }
  return kind === 'anthropic' ? { text: '{"title":"Stub title","branch":"stub-branch"}' } : { text: 'Stub title' }
}

const errorTypes = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

function kindOf(path) {
  if (/\/messages$/.test(path)) return 'anthropic'
  if (/\/responses$/.test(path)) return 'responses'
  if (/\/chat\/completions$/.test(path)) return 'chat'
  return /:(streamGenerateContent|generateContent)$/.test(path) ? 'gemini' : null
}

function parseScenario(text) {
  const [name, ...rest] = text.split(',')
  return { name, options: Object.fromEntries(rest.map((pair) => pair.split('='))) }
}

/**
 * Starts the stub. `requests` grows by one {kind, path, scenario, prompt, offered, body} for every call of a model;
 * `close()` ends open answers too.
 */
export async function startModelStub({ port = 0 } = {}) {
  const requests = []
  const calls = new Map()
  let sequence = 0
  const id = (prefix) => `${prefix}_stub${String(++sequence).padStart(6, '0')}`

  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = parseJson(Buffer.concat(chunks).toString('utf8'))
    const match = /^\/s\/([^/]+)(\/.*)$/.exec(request.url)
    const path = (match?.[2] ?? request.url).split('?')[0]
    const kind = kindOf(path)
    if (!kind) return sideRoute(response, path)

    const read = readers[kind](body)
    const named = read.prompt.match(/\[\[scenario:([^\]]+)\]\]/)?.[1]
    const scenario = parseScenario(named ?? decodeURIComponent(match?.[1] ?? 'text'))
    requests.push({ kind, path, scenario: scenario.name, prompt: read.prompt, offered: read.offered, body })
    const key = `${scenario.name}/${scenario.options.k ?? ''}`
    const count = (calls.get(key) ?? 0) + 1
    calls.set(key, count)

    let name = scenario.name
    const error = /^e(\d{3})(?:x(\d+))?$/.exec(name)
    if (error && (!error[2] || count <= Number(error[2]))) return sendError(response, kind, Number(error[1]), id)
    if (error) name = 'write'
    if (name === 'hang') return
    const tokens = { in: Number(scenario.options.in ?? 1000), out: Number(scenario.options.out ?? 50) }
    const isSubagent = kind === 'anthropic' && name === 'task' && read.prompt.includes('SUBAGENT:')
    const script = isSubagent ? scenarios.text : (scenarios[name] ?? scenarios.text)
    const act =
      read.offered.length > 0 ? script(read.rounds, { cwd: read.cwd }, scenario.options) : sideAnswer(kind, body)
    const tools = (act.tools ?? []).map((tool) => toolFor(tool, read.offered))
    try {
      await writers[kind](response, body, { ...act, tools }, tokens, id, path)
    } catch (reason) {
      response.destroy(reason instanceof Error ? reason : new Error(String(reason)))
    }
  })
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const bound = server.address().port
  return {
    port: bound,
    /** The base URL of a scenario, e.g. `stub.url('bash')`. */
    url: (scenario = 'text') => `http://127.0.0.1:${bound}/s/${scenario}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function sideRoute(response, path) {
  if (/count_tokens$/.test(path)) return sendJson(response, 200, { input_tokens: 1000 })
  if (/:countTokens$/.test(path)) return sendJson(response, 200, { totalTokens: 1000 })
  if (/\/models$/.test(path)) {
    const data = [{ id: 'stub-model', object: 'model', type: 'model', display_name: 'Stub' }]
    return sendJson(response, 200, { object: 'list', data })
  }
  if (/\/api\/hello$/.test(path)) return sendJson(response, 200, {})
  sendJson(response, 404, { type: 'error', error: { type: 'not_found_error', message: `stub: no such route ${path}` } })
}

function sendError(response, kind, code, id) {
  const type = errorTypes[code] ?? 'api_error'
  if (kind === 'gemini') {
    const status = { 400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 429: 'RESOURCE_EXHAUSTED' }[code] ?? 'UNAVAILABLE'
    return sendJson(response, code, { error: { code, message: `stub ${type}`, status } })
  }
  const error = { type, message: `stub ${type}`, code: type }
  sendJson(response, code, { type: 'error', error, request_id: id('req') })
}

function sendJson(response, code, value) {
  response.writeHead(code, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

function eventStream(response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  return (data, name) => {
    if (!response.destroyed) response.write(`${name ? `event: ${name}\n` : ''}data: ${JSON.stringify(data)}\n\n`)
  }
}

function parseJson(text) {
  try {
    return text ? JSON.parse(text) : {}
  } catch {
    return {}
  }
}

if (process.argv[1] && import.meta.url === new URL(`file://${process.argv[1]}`).href) {
  const stub = await startModelStub({ port: Number(process.argv[2] ?? 0) })
  console.log(`Stub of the model APIs: ${stub.url('SCENARIO')}`)
}
