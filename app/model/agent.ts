// What the agents are called in the window, the CLI and the host. The adapters and everything that shows a run take their names
// from here. Pure. A new agent is a name in run.ts, a row here and an adapter (docs/adding-an-agent.md).
import type { AgentName } from './run.ts'

export interface AgentWords {
  /** "Claude Code". */
  readonly label: string
  /** Two letters for the tile: "Cl". */
  readonly mark: string
}

export const agentWords: Readonly<Record<AgentName, AgentWords>> = {
  claude: { label: 'Claude Code', mark: 'Cl' },
  codex: { label: 'Codex', mark: 'Cx' },
  gemini: { label: 'Gemini CLI', mark: 'Ge' },
  opencode: { label: 'OpenCode', mark: 'Oc' },
  cursor: { label: 'Cursor', mark: 'Cu' },
  shell: { label: 'Shell', mark: 'Sh' },
  command: { label: 'Command line', mark: 'Cm' },
  demo: { label: 'Demo agent', mark: 'De' },
}
