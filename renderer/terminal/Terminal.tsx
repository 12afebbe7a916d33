// The box that holds a run's terminal. It opens the view when the box becomes visible and releases it when it does not (the last
// screen is kept and comes back dimmed). It attaches the view to each new connection. Terminal bytes bypass React.
import { useEffect, useRef, useState } from 'react'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { sidesOf } from '../../app/model/side-session.ts'
import { bytesText } from '../../app/model/text/units.ts'
import { useReplica } from '../client/replica.ts'
import { Ticking } from '../parts/Ticking.tsx'
import { sayFailure } from '../parts/toasts.ts'
import { line } from '../parts/words.ts'
import { ErrorBoundary } from '../window/ErrorBoundary.tsx'
import { useUi } from '../window/ui.ts'
import { openLink } from './open-link.ts'
import { TerminalMenu } from './TerminalMenu.tsx'
import { TerminalSearch } from './TerminalSearch.tsx'
import { openView, type TerminalView, type ViewState } from './terminal-attach.ts'
import type { Type } from './terminal-size.ts'
import { addView, dropView, takeKeyWish } from './terminals.ts'
import './terminal.css'

/** A screen that takes longer than this is announced, in milliseconds. */
const patience = 400
/** A tile that leaves the screen for less than this keeps its terminal: scrolling past is not leaving. */
const releaseAfterMs = 400

const same = (a: ViewState, b: ViewState): boolean =>
  a.kind === 'shown' && b.kind === 'shown' && a.live === b.live && a.dropped === b.dropped

interface Props {
  readonly runId: string
  /** A session beside the run's agent; without it the run's own terminal. */
  readonly sessionId?: string | undefined
  readonly size: number
  readonly line: number
  /** True where this view sets the program's size. */
  readonly sizes: boolean
}

export function Terminal(props: Props) {
  return (
    <ErrorBoundary what="This terminal">
      <TerminalBox {...props} />
    </ErrorBoundary>
  )
}

/** Into the session that is shown: the agent's, or the side session whose id it is. */
async function sendPaste(runId: string, sessionId: string | undefined, text: string): Promise<void> {
  const { client, state } = useReplica.getState()
  const run = state.runs[runId]
  const side = run && sidesOf(run).find((one) => one.sessionId === sessionId)?.number
  try {
    await client?.call('run.send', { runId, text, enter: false, ...(side === undefined ? {} : { side }) })
  } catch (error) {
    sayFailure('Not pasted', error)
  }
}

function TerminalBox({ runId, sessionId, size, line: lineHeight, sizes }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const view = useRef<TerminalView | null>(null)
  const type = useRef<Type>({ size, line: lineHeight })
  const sizing = useRef(sizes)
  const [state, setState] = useState<ViewState>({ kind: 'waiting', saved: false })
  const [late, setLate] = useState(false)
  const [link, setLink] = useState<string | null>(null)
  const searching = useUi((ui) => ui.searching === runId)
  const lost = useReplica(({ link }) => link === 'lost')
  type.current = { size, line: lineHeight }
  sizing.current = sizes

  useEffect(() => {
    const element = box.current
    if (!element) return
    let open: TerminalView | null = null
    let leaving: ReturnType<typeof setTimeout> | null = null

    function enter() {
      if (open || !element) return
      open = openView({
        runId,
        sessionId,
        box: element,
        type: type.current,
        sizes: sizing.current,
        onState(next) {
          // A view that lags begins a screen many times a second; that it shows is said once.
          setState((before) => (same(before, next) ? before : next))
          if (next.kind === 'shown' && next.live && open && takeKeyWish(runId)) open.focus()
        },
        onKeys: (has) =>
          useUi.setState(({ typing }) =>
            has ? { typing: runId, focused: runId } : typing === runId ? { typing: null } : {},
          ),
        onLink: openLink,
        onHover: setLink,
        onLongPaste: (text) => void sendPaste(runId, sessionId, text),
      })
      view.current = open
      addView(open)
      const { client } = useReplica.getState()
      if (client) open.attach(client)
    }
    function leave() {
      if (!open) return
      dropView(open)
      open.close()
      open = null
      view.current = null
    }
    const observer = new IntersectionObserver(
      (entries) => {
        const seen = entries.at(-1)?.isIntersecting ?? false
        if (leaving) clearTimeout(leaving)
        leaving = null
        if (seen) enter()
        else leaving = setTimeout(leave, releaseAfterMs)
      },
      { rootMargin: '120px' },
    )
    observer.observe(element)
    const off = useReplica.subscribe(({ client }, before) => {
      if (client === before.client || !open) return
      if (client) open.attach(client)
      else open.detach()
    })
    return () => {
      off()
      observer.disconnect()
      if (leaving) clearTimeout(leaving)
      leave()
    }
  }, [runId, sessionId])

  useEffect(() => view.current?.setType({ size, line: lineHeight }), [size, lineHeight])
  useEffect(() => view.current?.setSizes(sizes), [sizes])

  const waiting = state.kind === 'waiting'
  useEffect(() => {
    if (!waiting) return setLate(false)
    const timer = setTimeout(() => setLate(true), patience)
    return () => clearTimeout(timer)
  }, [waiting])

  return (
    <div className="term" data-term={state.kind} data-stale={waiting || lost || undefined}>
      <TerminalMenu runId={runId}>
        <div className="term-box" ref={box} />
      </TerminalMenu>
      {waiting && late && !lost && (
        <p className="term-note" role="status">
          <Ticking>
            {() => `Catching up${view.current?.received() ? `, ${bytesText(view.current.received())}` : ''}`}
          </Ticking>
        </p>
      )}
      {state.kind === 'shown' && state.dropped > 0 && (
        <p className="term-note">{bytesText(state.dropped)} of older output are no longer kept</p>
      )}
      {state.kind === 'failed' && (
        <p className="term-note" role="status">
          {sentenceOf(state.failure).message}
        </p>
      )}
      {link !== null && (
        <p className="term-link">
          <span className="cut">{line(link, 200)}</span>
          <span className="faint nowrap">{/Mac/.test(navigator.platform) ? 'Cmd' : 'Ctrl'} click opens it</span>
        </p>
      )}
      {searching && <TerminalSearch runId={runId} />}
    </div>
  )
}
