// Every agent that Coppice knows, in the order in which a form offers them. A new one needs a file, a line here, and a name in
// model/run (docs/adding-an-agent.md).
import type { AgentName } from '../model/run.ts'
import type { Adapter } from './adapter.ts'
import { claude } from './claude/claude.ts'
import { codex } from './codex/codex.ts'
import { command } from './command.ts'
import { cursor } from './cursor.ts'
import { demo } from './demo.ts'
import { gemini } from './gemini/gemini.ts'
import { opencode } from './opencode.ts'
import { shell } from './shell.ts'

const byName: Readonly<Record<AgentName, Adapter>> = { claude, codex, gemini, opencode, cursor, shell, command, demo }

export const adapters: readonly Adapter[] = Object.values(byName)

export const adapterOf = (name: AgentName): Adapter => byName[name]
