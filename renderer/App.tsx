// The window: title bar, rail, and the main view. It chooses between the first screen, the grid, one run, the trash and the
// journal; it draws no run itself.
import { lazy, Suspense, useEffect } from 'react'
import { TrashView } from './cleanup/TrashView.tsx'
import { useNeeding, useSettings } from './client/hooks.ts'
import { useReplica } from './client/replica.ts'
import { Dialogs } from './Dialogs.tsx'
import { JournalView } from './journal/JournalView.tsx'
import { Toasts } from './parts/Toasts.tsx'
import { EmptyState } from './repositories/EmptyState.tsx'
import { FocusView } from './runs/FocusView.tsx'
import { RunGrid } from './runs/RunGrid.tsx'
import { Strip } from './runs/Strip.tsx'
import { applyTheme } from './settings/theme.ts'
import { ConnectionBar } from './window/ConnectionBar.tsx'
import { ErrorBoundary } from './window/ErrorBoundary.tsx'
import { Rail } from './window/Rail.tsx'
import { RecoveryBar } from './window/RecoveryBar.tsx'
import { Refused } from './window/Refused.tsx'
import { TitleBar } from './window/TitleBar.tsx'
import { useUi } from './window/ui.ts'

const ReviewView = lazy(() => import('./review/ReviewView.tsx'))

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
  const focused = useUi((ui) => ui.focused)
  const focusedAlone = useUi((ui) => (ui.maximised && ui.view === 'grid' ? ui.focused : null))
  if (view === 'trash') return <TrashView />
  if (view === 'journal') return <JournalView />
  if (view === 'review' && focused !== null) {
    return (
      <Suspense fallback={<main className="main" />}>
        <ReviewView key={focused} runId={focused} />
      </Suspense>
    )
  }
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
