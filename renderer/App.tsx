// The window: title bar, rail, and what the person looks at. It chooses between the first screen, the grid, one run, the trash and
// the journal; it draws nothing of a run itself.
import { useEffect } from 'react'
import { ConnectionBar } from './ConnectionBar.tsx'
import { Dialogs } from './Dialogs.tsx'
import { EmptyState } from './EmptyState.tsx'
import { ErrorBoundary } from './ErrorBoundary.tsx'
import { FocusView } from './FocusView.tsx'
import { useNeeding, useSettings } from './hooks.ts'
import { JournalView } from './JournalView.tsx'
import { Rail } from './Rail.tsx'
import { RecoveryBar } from './RecoveryBar.tsx'
import { Refused } from './Refused.tsx'
import { RunGrid } from './RunGrid.tsx'
import { useReplica } from './replica.ts'
import { Strip } from './Strip.tsx'
import { TitleBar } from './TitleBar.tsx'
import { Toasts } from './Toasts.tsx'
import { TrashView } from './TrashView.tsx'
import { applyTheme } from './theme.ts'
import { useUi } from './ui.ts'

export function App() {
  const { theme } = useSettings()
  useEffect(() => applyTheme(theme), [theme])
  return (
    <Toasts>
      <ErrorBoundary what="The window">
        <Window />
      </ErrorBoundary>
      <ErrorBoundary what="This dialog">
        <Dialogs />
      </ErrorBoundary>
    </Toasts>
  )
}

function Window() {
  const ready = useReplica((replica) => replica.ready)
  const refused = useReplica(({ link }) => link === 'refused')
  const empty = useReplica(
    ({ state }) => Object.keys(state.repositories).length === 0 && Object.keys(state.runs).length === 0,
  )
  if (refused) {
    return (
      <Frame>
        <Refused />
      </Frame>
    )
  }
  if (!ready) {
    return (
      <Frame>
        <Loading />
      </Frame>
    )
  }
  if (empty) {
    return (
      <Frame>
        <EmptyState />
      </Frame>
    )
  }
  return (
    <div className="window">
      <TitleBar />
      <Rail />
      <Main />
    </div>
  )
}

function Frame({ children }: { children: React.ReactNode }) {
  return (
    <div className="window bare">
      <TitleBar />
      <div className="main">
        <ConnectionBar />
        {children}
      </div>
    </div>
  )
}

function Loading() {
  return (
    <main className="first">
      <p className="muted late" role="status">
        Connecting to the host
      </p>
    </main>
  )
}

/** The number of runs that wait stands in the page's own title, where a person sees it from another tab or window. */
function useTitle() {
  const waiting = useNeeding().filter(({ attention }) => attention.rank === 1).length
  useEffect(() => {
    document.title = waiting > 0 ? `(${waiting}) Coppice` : 'Coppice'
  }, [waiting])
}

function Main() {
  useTitle()
  const view = useUi((ui) => ui.view)
  const focusedAlone = useUi((ui) => (ui.maximised && ui.view === 'grid' ? ui.focused : null))
  if (view === 'trash') return <TrashView />
  if (view === 'journal') return <JournalView />
  if (focusedAlone !== null) return <FocusView runId={focusedAlone} />
  return <Runs />
}

function Runs() {
  return (
    <main className="main">
      <ConnectionBar />
      <RecoveryBar />
      <Strip />
      <ErrorBoundary what="The grid">
        <RunGrid />
      </ErrorBoundary>
    </main>
  )
}
