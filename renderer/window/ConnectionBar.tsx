// The bar above the strip while the host cannot be reached. It says since when and that agents keep running, and lets the person
// try again at once.
import { ageText } from '../../app/model/text/units.ts'
import { retryConnection, useReplica } from '../client/replica.ts'
import { Ticking } from '../parts/Ticking.tsx'
import './bars.css'

export function ConnectionBar() {
  const link = useReplica((replica) => replica.link)
  const lostAt = useReplica((replica) => replica.lostAt)
  const everConnected = useReplica((replica) => replica.ready)
  if (link === 'connected' || link === 'refused' || lostAt === null) return null
  return (
    <div className="bar" role="alert">
      <span>
        {everConnected ? (
          <Ticking>
            {(now) => `Connection to the host lost ${ageText(now - lostAt)} ago. Agents keep running. Reconnecting.`}
          </Ticking>
        ) : (
          'The host is not available yet. Reconnecting.'
        )}
      </span>
      <button type="button" className="btn small" onClick={retryConnection}>
        Try now
      </button>
    </div>
  )
}
