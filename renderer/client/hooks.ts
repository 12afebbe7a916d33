// The hooks through which components read the replica. Each returns the same value while its content is the same, so an update of
// one run renders only that run's tile.
import { useEffect, useRef, useState } from 'react'
import { useShallow } from 'zustand/react/shallow'
import { type Attention, attentionOf, stalledAfterMs } from '../../app/model/attention.ts'
import type { Live, Run } from '../../app/model/run.ts'
import type { Settings } from '../../app/model/settings.ts'
import { useUi } from '../window/ui.ts'
import { useReplica } from './replica.ts'
import { type Counts, countsOf, needing, visibleIds, type Waiting } from './selectors.ts'

export const useRun = (id: string): Run | undefined => useReplica(({ state }) => state.runs[id])
export const useLive = (id: string): Live | undefined => useReplica(({ live }) => live[id])
export const useSettings = (): Settings => useReplica(({ state }) => state.settings)

/** A run's attention now, computed again at the moment when silence turns it into "Stalled?". */
export function useAttention(run: Run, live: Live | undefined): Attention {
  const [, wake] = useState(0)
  const provenAt = live?.activity?.state === 'working' ? live.activity.provenAt : null
  useEffect(() => {
    if (provenAt === null) return
    const due = provenAt + stalledAfterMs - Date.now()
    if (due < 0) return
    const timer = setTimeout(() => wake((n) => n + 1), due + 50)
    return () => clearTimeout(timer)
  }, [provenAt])
  return attentionOf(run, live, Date.now())
}

/** True while proof of work is younger than `ms`; turns false by itself. */
export function useFresh(at: number | null, ms: number): boolean {
  const [, wake] = useState(0)
  const fresh = at !== null && Date.now() - at < ms
  useEffect(() => {
    if (at === null) return
    const due = at + ms - Date.now()
    if (due < 0) return
    const timer = setTimeout(() => wake((n) => n + 1), due + 20)
    return () => clearTimeout(timer)
  }, [at, ms])
  return fresh
}

/** A number that grows every `ms`, for lists that depend on the time. */
function useBeat(ms: number): number {
  const [beat, setBeat] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setBeat((n) => n + 1), ms)
    return () => clearInterval(timer)
  }, [ms])
  return beat
}

export function useVisibleIds(): string[] {
  const look = useUi(
    useShallow(({ filter, query, ghosts, order, focused }) => ({ filter, query, ghosts, order, focused })),
  )
  return useReplica(useShallow(({ state, live }) => visibleIds(state, live, look, Date.now())))
}

const sameWaiting = (a: Waiting[], b: Waiting[]) =>
  a.length === b.length &&
  a.every((one, i) => {
    const other = b[i]!
    return (
      one.id === other.id &&
      one.title === other.title &&
      one.attention.look === other.attention.look &&
      one.attention.since === other.attention.since
    )
  })

/** Runs that want a person; looked at again every five seconds, because silence alone can bring one here. */
export function useNeeding(): Waiting[] {
  useBeat(5000)
  return useStable(({ state, live }) => needing(state, live, Date.now()), sameWaiting)
}

const sameCounts = (a: Counts, b: Counts): boolean => JSON.stringify(a) === JSON.stringify(b)

export function useCounts(): Counts {
  useBeat(5000)
  return useStable(({ state, live }) => countsOf(state, live, Date.now()), sameCounts)
}

function useStable<T>(
  select: (replica: ReturnType<typeof useReplica.getState>) => T,
  same: (a: T, b: T) => boolean,
): T {
  const last = useRef<T | null>(null)
  return useReplica((replica) => {
    const next = select(replica)
    if (last.current !== null && same(last.current, next)) return last.current
    last.current = next
    return next
  })
}
