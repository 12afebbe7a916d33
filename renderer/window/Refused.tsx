// What a person reads if trying again would change nothing: a used address, or another version.
import { sentenceOf } from '../../app/contract/sentences.ts'
import { retryConnection, useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'

export function Refused() {
  const refusal = useReplica((replica) => replica.refusal)
  if (!refusal) return null
  const { message, next } = sentenceOf(refusal)
  return (
    <main className="first">
      <div className="sheet narrow">
        <div className="hero">
          <Icon name="lock" size={40} />
          <div>
            <h1>Not connected</h1>
            <p className="lead">{message}</p>
            <p className="muted">{next}</p>
          </div>
        </div>
        <button type="button" className="btn tall" onClick={retryConnection}>
          Try again
        </button>
      </div>
    </main>
  )
}
