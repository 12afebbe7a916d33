// What the last start or sweep fixed, shown once above the strip until the person has read it: one line, and on demand each thing
// with what was done to it. This window's storage, not the host, remembers which report was read.
import { useState } from 'react'
import { plainText } from '../../app/model/text/text.ts'
import { dateText } from '../../app/model/text/units.ts'
import { useReplica } from '../client/replica.ts'

const storageName = 'coppice.recovery-read'

function readSeq(): number {
  try {
    return Number(localStorage.getItem(storageName) ?? 0)
  } catch {
    return 0
  }
}

export function RecoveryBar() {
  const recovery = useReplica(({ state }) => state.recovery)
  const [read, setRead] = useState(readSeq)
  const [open, setOpen] = useState(false)
  // Sessions that were attached again need nobody: only what was changed, or could not be decided, is worth a line.
  const worth = recovery?.report.some((item) => item.result !== 'restored') ?? false
  if (!recovery || recovery.seq <= read || !worth) return null
  const dismiss = () => {
    setRead(recovery.seq)
    try {
      localStorage.setItem(storageName, String(recovery.seq))
    } catch {
      // A window without storage is told again at its next start.
    }
  }
  return (
    <section className="bar info" aria-label="Recovery report">
      <span role="status">
        {plainText(recovery.text)} <span className="muted">{dateText(recovery.at)}</span>
        {open && (
          <ul className="report">
            {recovery.report.map((item) => (
              <li key={`${item.result} ${item.what} ${item.reason ?? ''}`}>
                <b>{plainText(item.what, 300)}</b> {item.result}
                {item.reason ? `: ${plainText(item.reason)}` : ''}
              </li>
            ))}
          </ul>
        )}
      </span>
      <button type="button" className="btn small" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? 'Less' : 'Details'}
      </button>
      <button type="button" className="btn small" onClick={dismiss}>
        Dismiss
      </button>
    </section>
  )
}
