// The prompts that were sent before, under the prompt of a new run: searched while one types, of this repository or of all, taken by
// Enter or a click, forgotten one by one or all together.
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { RecentPrompt } from '../../app/contract/commands/prompt.ts'
import { sentenceOf } from '../../app/contract/sentences.ts'
import { failureOf } from '../../app/model/failure.ts'
import { counted, shortAge } from '../../app/model/text/units.ts'
import { call, useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { useDebounced } from '../parts/use-debounced.ts'
import { line } from '../parts/words.ts'
import './recent-prompts.css'

interface Props {
  readonly repositoryId: string
  onTake(text: string): void
  onClose(): void
}

export function RecentPrompts({ repositoryId, onTake, onClose }: Props) {
  const repositories = useReplica(({ state }) => state.repositories)
  const [everywhere, setEverywhere] = useState(repositoryId === '')
  const [typed, setTyped] = useState('')
  const [found, setFound] = useState<{ prompts: readonly RecentPrompt[]; more: number } | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const [looked, lookAgain] = useState(0)
  const [clearing, setClearing] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  const list = useRef<HTMLUListElement>(null)
  const search = useDebounced(typed.trim(), 120)
  useEffect(() => field.current?.focus(), [])
  // biome-ignore lint/correctness/useExhaustiveDependencies: `looked` says when to look again.
  useEffect(() => {
    let current = true
    const failed = (error: unknown) => current && setProblem(sentenceOf(failureOf(error)).message)
    call('prompt.recent', {
      ...(everywhere || repositoryId === '' ? {} : { repositoryId }),
      ...(search ? { search: search.slice(0, 200) } : {}),
    }).then((answer) => {
      if (!current) return
      setFound(answer)
      setProblem(null)
    }, failed)
    return () => {
      current = false
    }
  }, [everywhere, repositoryId, search, looked])

  const prompts = found?.prompts ?? []
  const fail = (error: unknown) => setProblem(sentenceOf(failureOf(error)).message)
  const take = (one: RecentPrompt | undefined) =>
    one && call('prompt.read', { promptId: one.id }).then(({ text }) => onTake(text), fail)
  const forget = (promptId?: string) =>
    call('prompt.forget', promptId ? { promptId } : {}).then(() => {
      setClearing(false)
      lookAgain((n) => n + 1)
      field.current?.focus()
    }, fail)

  // Its keys are its own: Enter takes a prompt here and starts no run, Escape closes the list and not the dialog.
  const keys = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (event.key === 'Enter') event.stopPropagation()
    if (event.key === 'Escape') onClose()
    else if (event.key === 'Enter' && event.target === field.current) void take(prompts[0])
    else if (step !== 0) {
      // The field, then each prompt.
      const stops = [field.current, ...(list.current?.querySelectorAll<HTMLElement>('[data-take]') ?? [])]
      const row = document.activeElement?.closest('li')?.querySelector<HTMLElement>('[data-take]') ?? field.current
      stops[stops.indexOf(row) + step]?.focus()
    } else return
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only keeps its fields' keys from the dialog.
    <div className="recents" onKeyDown={keys}>
      <div className="recents-head">
        <span className="input">
          <Icon name="search" size={14} />
          <input
            ref={field}
            value={typed}
            aria-label="Search recent prompts"
            placeholder="Search recent prompts"
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => setTyped(event.target.value)}
          />
        </span>
        {repositoryId !== '' && (
          <span className="seg">
            <button type="button" aria-pressed={!everywhere} onClick={() => setEverywhere(false)}>
              This repository
            </button>
            <button type="button" aria-pressed={everywhere} onClick={() => setEverywhere(true)}>
              All
            </button>
          </span>
        )}
        <button type="button" className="btn quiet small icon-only" aria-label="Close recent prompts" onClick={onClose}>
          <Icon name="x" size={14} />
        </button>
      </div>
      {problem && (
        <p className="hint bad" role="alert">
          {problem}
        </p>
      )}
      {found && prompts.length === 0 && !problem && (
        <p className="hint" role="status">
          {search ? 'No recent prompt matches.' : 'No prompts yet. Each one that starts a run is listed here.'}
        </p>
      )}
      <ul ref={list} aria-label="Recent prompts">
        {prompts.map((one) => (
          <li key={one.id}>
            <button type="button" data-take="" title={line(one.head, 400)} onClick={() => void take(one)}>
              <span className="cut grow">{line(one.head, 200)}</span>
              <small className="nowrap">
                {everywhere && one.repositoryId && `${line(repositories[one.repositoryId]?.name ?? 'forgotten', 30)}, `}
                <Ticking>{(now) => shortAge(now - one.at)}</Ticking>
              </small>
            </button>
            <button
              type="button"
              className="btn quiet small icon-only"
              aria-label={`Forget this prompt: ${line(one.head, 60)}`}
              onClick={() => void forget(one.id)}
            >
              <Icon name="x" size={12} />
            </button>
          </li>
        ))}
      </ul>
      {(prompts.length > 0 || problem) && (
        <p className="hint recents-foot">
          <span className="grow">
            {found && found.more > 0 ? `${counted(found.more, 'older one')}: search for it.` : ''}
          </span>
          {clearing ? (
            <>
              Forget the prompts of every repository? Runs keep theirs.
              <button type="button" className="link" onClick={() => void forget()}>
                Forget all
              </button>
              <button type="button" className="link" onClick={() => setClearing(false)}>
                Keep
              </button>
            </>
          ) : (
            <button type="button" className="link" onClick={() => setClearing(true)}>
              Clear recent prompts
            </button>
          )}
        </p>
      )}
    </div>
  )
}
