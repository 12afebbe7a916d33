// What a person is told about things they did not ask for: a host that was restarted, a notice from the host, a folder that another
// start of Coppice was given, a folder dropped on the window.
import { counted, dateText } from '../../app/model/text/units.ts'
import { addRepository } from '../actions/verbs.ts'
import { say } from '../parts/toasts.ts'
import { line } from '../parts/words.ts'
import { quotedPaths } from '../terminal/dropped-paths.ts'
import { viewOf } from '../terminal/terminals.ts'
import { openDialog, showFilter } from '../window/ui.ts'
import { bridgeNow } from './bridge.ts'
import { onArrival, onClient } from './replica.ts'

/** Listens for as long as the page lives. Call once. */
export function startArrivals(): void {
  onArrival(({ state, welcome }, previous) => {
    if (!previous || !welcome || previous.startedAt === welcome.startedAt) return
    const runs = Object.values(state.runs)
    const attached = runs.filter((run) => run.phase === 'running').length
    const interrupted = runs.filter(
      (run) => run.phase === 'interrupted' && (run.settledAt ?? 0) >= welcome.startedAt - 60_000,
    ).length
    const time = dateText(welcome.startedAt).split(', ')[1]
    say({
      id: 'host-restarted',
      title: `The host restarted at ${time}.`,
      text: `${counted(attached, 'run')} attached again${interrupted > 0 ? `, ${interrupted} interrupted` : ''}.`,
      level: interrupted > 0 ? 'warning' : 'info',
    })
  })
  onClient((client) => {
    client.onNotice(({ level, text, next }) =>
      say({ title: line(text, 300), ...(next ? { text: line(next, 300) } : {}), level }),
    )
    client.onFocus((path) => {
      window.focus()
      if (path !== null) void openRepository(path, { agree: false })
    })
  })
  window.addEventListener('dragover', (event) => {
    if (event.dataTransfer?.types.includes('Files')) event.preventDefault()
  })
  window.addEventListener('drop', (event) => {
    event.preventDefault()
    const paths = droppedPaths(event.dataTransfer)
    const terminal = event.target instanceof Element ? event.target.closest('.term') : null
    const runId = terminal?.closest<HTMLElement>('[data-run-id]')?.dataset.runId
    if (runId === undefined) for (const path of paths) void openRepository(path, { agree: true })
    else if (paths.length > 0) giveToTerminal(runId, paths)
  })
}

/** Adds the repository at a path, or goes to it where it is known, and offers a new run in it. */
export async function openRepository(path: string, options: { readonly agree: boolean }): Promise<void> {
  const id = await addRepository(path, options)
  if (!id) return
  showFilter(`repository:${id}`)
  openDialog({ kind: 'new-run', repositoryId: id })
}

/** Types the paths of dropped files into a run's terminal, for the agent to read; Enter stays the person's. */
function giveToTerminal(runId: string, paths: readonly string[]): void {
  const view = viewOf(runId)
  const text = quotedPaths(paths, bridgeNow()?.platform === 'win32')
  if (text === null) {
    const title = 'The name of a dropped file holds control characters.'
    say({ title, text: 'Rename the file and drop it again.', level: 'warning' })
    return
  }
  if (!view?.isLive()) {
    say({
      title: 'Nothing runs in this terminal.',
      text: 'Resume the run, then drop the file again.',
      level: 'warning',
    })
    return
  }
  view.paste(`${text} `)
  view.focus()
}

/** The paths of what was dropped. Only the window can tell them; a browser is told so. */
function droppedPaths(transfer: DataTransfer | null): string[] {
  const files = [...(transfer?.files ?? [])]
  if (files.length === 0) return []
  const bridge = bridgeNow()
  if (!bridge) {
    say({
      title: 'A browser does not say where a file is.',
      text: 'Type its path, or pick it from the list.',
      level: 'warning',
    })
    return []
  }
  return files.map((file) => bridge.pathOfFile(file)).filter((path) => path !== '')
}
