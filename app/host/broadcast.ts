// What every client is sent without asking: each record of the journal, in order, and the moment's facts of each run, at most ten
// times a second per run. A message is packed once, however many clients there are. To it, a member is only somebody to send to.

import { encodeMessage } from '../contract/frames.ts'
import type { HostMessage } from '../contract/wire.ts'
import type { JournalRecord } from '../model/event.ts'
import type { Live } from '../model/run.ts'

export interface Member {
  send(frame: Uint8Array): void
}

export interface BroadcastDeps {
  readonly journal: { onRecord(listener: (record: JournalRecord) => void): () => void }
  live(): Readonly<Record<string, Live>>
  onLive(listener: (runId: string, live: Live | null) => void): () => void
}

export interface Broadcast {
  /** From now on the member gets records and live facts. Gives the way to leave. */
  join(member: Member): () => void
  close(): void
}

/** Live facts of one run are sent no more often than this; the newest are sent at its end. */
export const liveEveryMs = 100

/** Listens to the journal and the live facts for as long as it is open. */
export function createBroadcast(deps: BroadcastDeps): Broadcast {
  const members = new Set<Member>()
  const pausing = new Map<string, { timer: NodeJS.Timeout; changed: boolean }>()

  function toAll(message: HostMessage): void {
    if (members.size === 0) return
    const frame = encodeMessage(message)
    for (const member of [...members]) member.send(frame)
  }

  function changed(runId: string, live: Live | null) {
    if (members.size === 0) return
    const pause = pausing.get(runId)
    if (pause) {
      pause.changed = true
      return
    }
    toAll({ type: 'live', runId, live })
    const timer = setTimeout(() => {
      const after = pausing.get(runId)
      pausing.delete(runId)
      if (after?.changed) changed(runId, deps.live()[runId] ?? null)
    }, liveEveryMs)
    timer.unref()
    pausing.set(runId, { timer, changed: false })
  }

  const offRecord = deps.journal.onRecord((record) => toAll({ type: 'event', record }))
  const offLive = deps.onLive(changed)
  return {
    join(member) {
      members.add(member)
      return () => void members.delete(member)
    },
    close() {
      offRecord()
      offLive()
      for (const { timer } of pausing.values()) clearTimeout(timer)
      pausing.clear()
      members.clear()
    },
  }
}
