// Pushes a run's own branch and opens its pull request, and shows the result: the pushed ref and commit, or git's own reason for a
// refusal. Both are safe to repeat.
import { useRef, useState } from 'react'
import { deliveryText } from '../../app/contract/delivery-words.ts'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { type Failure, failureOf } from '../../app/model/failure.ts'
import { counted } from '../../app/model/text/units.ts'
import { useLive, useRun } from '../client/hooks.ts'
import { call } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { Modal } from '../parts/Modal.tsx'
import { line, ownWords, shortRef } from '../parts/words.ts'
import { openUrl } from '../terminal/open-link.ts'
import './publish-dialog.css'

type Result =
  | {
      readonly kind: 'pushed'
      readonly remote: string
      readonly ref: string
      readonly sha: string
      readonly already: boolean
    }
  | { readonly kind: 'pull-request'; readonly url: string; readonly opened: boolean }
  | { readonly kind: 'failed'; readonly what: string; readonly failure: Failure }

export function PublishDialog({ runId, onClose }: { runId: string; onClose: () => void }) {
  const run = useRun(runId)
  const live = useLive(runId)
  const [busy, setBusy] = useState<'push' | 'pull-request' | null>(null)
  const [results, setResults] = useState<readonly Result[]>([])
  const push = useRef<HTMLButtonElement>(null)
  if (!run) return null
  const dirty = live?.dirty?.value ?? null
  const ahead = live?.ahead

  async function go(what: 'push' | 'pull-request') {
    setBusy(what)
    try {
      if (what === 'push') {
        const pushed = await call('run.push', { runId })
        setResults([{ kind: 'pushed', ...pushed }])
      } else {
        const made = await call('run.pull-request', { runId })
        setResults([{ kind: 'pull-request', ...made }])
        if (!made.opened) openUrl(made.url)
      }
    } catch (error) {
      setResults([
        { kind: 'failed', what: what === 'push' ? 'Not pushed' : 'No pull request', failure: failureOf(error) },
      ])
    } finally {
      setBusy(null)
    }
  }

  return (
    <Modal title={`Publish “${line(run.title, 60)}”`} className="narrow" initialFocus={push} onClose={onClose}>
      <div className="form">
        <dl className="facts2 wide-terms">
          <dt>Branch</dt>
          <dd className="mono cut" title={run.branch ?? undefined}>
            {line(run.branch ?? 'none')}
          </dd>
          <dt>Commits</dt>
          <dd>
            {!ahead
              ? 'not counted yet'
              : ahead.value === null
                ? `unknown${ahead.why ? `: ${line(ahead.why, 120)}` : ''}`
                : ahead.value === 0
                  ? 'none yet'
                  : `${ahead.value} not in its base`}
          </dd>
          <dt>Not committed</dt>
          <dd>
            {!live?.dirty
              ? 'not counted yet'
              : dirty === null
                ? 'unknown'
                : dirty === 0
                  ? 'nothing'
                  : `${counted(dirty, 'file')}, left out of the push`}
          </dd>
          <dt>Now</dt>
          <dd>{deliveryText(run, live)}</dd>
        </dl>
        <p className="small muted">Pushes its own branch to the branch of the same name, never with force.</p>
        {results.map((result) => (
          <ResultView key={result.kind} result={result} />
        ))}
      </div>
      <footer>
        <span className="grow muted small" role="status">
          {busy === 'push' ? 'Pushing' : busy ? 'Pushing and opening the pull request' : ''}
        </span>
        <button type="button" className="btn tall quiet" onClick={onClose}>
          Close <kbd>Esc</kbd>
        </button>
        <button type="button" className="btn tall" disabled={busy !== null} onClick={() => void go('pull-request')}>
          <Icon name="pr" size={14} />
          Pull request
        </button>
        <button
          type="button"
          ref={push}
          className="btn tall primary"
          disabled={busy !== null}
          onClick={() => void go('push')}
        >
          <Icon name="publish" size={14} />
          Push
        </button>
      </footer>
    </Modal>
  )
}

function ResultView({ result }: { result: Result }) {
  if (result.kind === 'pushed') {
    return (
      <p className="outcome" data-state="finished" role="status">
        <Icon name="check" size={14} />
        <span>
          {result.already ? 'Already pushed: ' : 'Pushed '}
          <span className="mono">{result.sha.slice(0, 7)}</span> as{' '}
          <span className="mono">{line(shortRef(result.ref))}</span> on {line(result.remote)}
        </span>
      </p>
    )
  }
  if (result.kind === 'pull-request') {
    return (
      <p className="outcome" data-state="finished" role="status">
        <Icon name="pr" size={14} />
        <span className="grow">
          {result.opened
            ? 'The pull request is open: '
            : 'gh is not logged in. Open this page, already filled in, to create it: '}
          <button type="button" className="link" onClick={() => openUrl(result.url)}>
            {line(result.url, 200)} <Icon name="external" size={12} />
          </button>
        </span>
      </p>
    )
  }
  const { message, next } = sentenceOf(result.failure)
  const said = ownWords(result.failure)
  return (
    <div className="outcome" data-state="failed" role="alert">
      <Icon name="failed" size={14} />
      <div className="grow">
        <p className="strong">{result.what}</p>
        <p>{message}</p>
        {said.length > 0 && <div className="cmdline">{said.join('\n')}</div>}
        <p className="muted">{next}</p>
      </div>
    </div>
  )
}
