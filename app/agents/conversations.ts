// Whether an agent still has a conversation, and which one was last held in a worktree. This is read from the agents' own files,
// which can change with any version. So it only reads, and what cannot be read is "unknown", never "gone".
import { closeSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { field, text } from './json.ts'

type Environment = Readonly<Record<string, string>>

/** The conversation's state: an agent that was closed before its first prompt has written none, and its resume would fail. */
export type Conversation = 'there' | 'none' | 'unknown'

/** Claude Code keeps <config>/projects/<directory, munged>/<session>.jsonl (2.1.330). */
export function claudeConversation(environment: Environment, sessionId: string): Conversation {
  const config = environment.CLAUDE_CONFIG_DIR || inHome(environment, '.claude')
  return config === null
    ? 'unknown'
    : conversationIn(join(config, 'projects'), '', (name) => name === `${sessionId}.jsonl`)
}

/** Gemini CLI keeps ~/.gemini/tmp/<project>/chats/session-<time>-<first 8 of the session>.jsonl (0.61.0). */
export function geminiConversation(environment: Environment, sessionId: string): Conversation {
  const config = inHome(environment, '.gemini')
  const mark = `-${sessionId.slice(0, 8)}.json`
  return config === null ? 'unknown' : conversationIn(join(config, 'tmp'), 'chats', (name) => name.includes(mark))
}

/** How many of Codex's newest session files are looked into. */
const maxFiles = 500

/**
 * The session that Codex held last in this directory, or null: its TUI says its id nowhere and takes none from us. It keeps
 * $CODEX_HOME/sessions/YYYY/MM/DD/rollout-<time>-<session>.jsonl, whose first line tells the directory (0.169.0).
 */
export function codexSessionIn(environment: Environment, directory: string): string | null {
  const config = environment.CODEX_HOME || inHome(environment, '.codex')
  if (config === null) return null
  let looked = 0
  // The names are times, so the newest comes first.
  for (const day of daysOf(join(config, 'sessions'))) {
    for (const name of namesIn(day).toSorted().toReversed()) {
      if (!name.startsWith('rollout-') || !name.endsWith('.jsonl')) continue
      if (++looked > maxFiles) return null
      const session = sessionIn(join(day, name), directory)
      if (session !== null) return session
    }
  }
  return null
}

function sessionIn(path: string, directory: string): string | null {
  const first = firstLine(path)
  const meta = field(first, 'payload')
  // A conversation of the person's, not of a subagent or of the model that makes titles.
  const isTheirs = text(first, 'type') === 'session_meta' && (text(meta, 'thread_source') ?? 'user') === 'user'
  if (!isTheirs || text(meta, 'cwd') !== directory) return null
  return text(meta, 'id') ?? text(meta, 'session_id') ?? null
}

function* daysOf(sessions: string): Generator<string> {
  const below = (directory: string) =>
    namesIn(directory)
      .filter((name) => /^\d+$/.test(name))
      .toSorted()
      .toReversed()
      .map((name) => join(directory, name))
  for (const year of below(sessions)) for (const month of below(year)) yield* below(month)
}

/** Looks for the file in every folder of `root` (in `inside` of it), and in the file for something that was said. */
function conversationIn(root: string, inside: string, isIt: (name: string) => boolean): Conversation {
  try {
    for (const folder of readdirSync(root)) {
      const directory = join(root, folder, inside)
      const name = namesIn(directory).find(isIt)
      if (name !== undefined) return holdsWords(join(directory, name))
    }
    return 'none'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : 'unknown'
  }
}

/** An agent that was killed early has a file with its mode and the like, and no word of anyone: it cannot be resumed. */
function holdsWords(path: string): Conversation {
  const head = headOf(path)
  if (head === null) return 'unknown'
  const isWord = (one: string) => ['user', 'assistant', 'gemini'].includes(text(parse(one), 'type') ?? '')
  // A file that is longer than its head has long been talked in.
  return head.isWhole && !head.text.split('\n').some(isWord) ? 'none' : 'there'
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

/** The first line of a JSONL file, parsed; undefined where it is none. It holds the agent's instructions: tens of KB. */
const firstLine = (path: string): unknown => parse(headOf(path)?.text.split('\n', 1)[0] ?? '')

const headBytes = 512 * 1024

/** The start of a file, and whether that is all of it; null where it cannot be read. */
function headOf(path: string): { readonly text: string; readonly isWhole: boolean } | null {
  const buffer = Buffer.alloc(headBytes)
  try {
    const file = openSync(path, 'r')
    try {
      const read = readSync(file, buffer, 0, headBytes, 0)
      return { text: buffer.toString('utf8', 0, read), isWhole: read < headBytes }
    } finally {
      closeSync(file)
    }
  } catch {
    return null
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

const inHome = (environment: Environment, name: string): string | null =>
  environment.HOME ? join(environment.HOME, name) : null
