// The person's own shell in a run's worktree: no agent, no verdict. A prompt is not typed into it; it can be read as
// $COPPICE_PROMPT_FILE and, if it is short, as $COPPICE_PROMPT.
import { agentWords } from '../model/agent.ts'
import type { Adapter, LaunchPlan, LaunchRequest } from './adapter.ts'
import { promptVariables } from './command.ts'
import { show } from './command-line.ts'
import { refuseUnknown } from './hand-over.ts'

export const shell: Adapter = {
  name: 'shell',
  ...agentWords.shell,
  binaries: [],
  modes: ['interactive'],
  options: [],
  permissionModes: [],
  install: '',
  launch,
  judge({ exit, stopRequested }) {
    if (stopRequested) return { result: 'interrupted', reason: 'Stopped' }
    if (!exit) return { result: 'unknown', reason: 'How it ended is unknown' }
    if (exit.signal) return { result: 'interrupted', reason: `Ended by ${exit.signal}` }
    // A shell's exit code is its last command's, which need not have been the point.
    return { result: 'unknown', reason: 'The shell was closed' }
  },
}

function launch(request: LaunchRequest): LaunchPlan {
  refuseUnknown(shell, request, [])
  // A terminal on macOS opens a login shell, one on Linux does not; the environment is the login shell's in either case.
  const args = process.platform === 'darwin' ? ['-l'] : []
  const file = request.shell
  return {
    kind: 'pty',
    file,
    args,
    environment: promptVariables(request),
    stdin: 'none',
    agentSession: null,
    shown: show({ file, args }),
  }
}
