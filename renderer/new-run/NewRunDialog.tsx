// A new run: repository, agent, prompt, where it starts, the name of its branch, how many copies. Beside it is everything that will
// happen before the agent starts, and the exact command line. The grid stays visible behind it, so a waiting run is still noticed.
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react'
import type { DetectedAgent } from '../../app/contract/commands/agent.ts'
import type { CommandOutput } from '../../app/contract/commands/index.ts'
import { sentenceOf } from '../../app/contract/sentences.ts'
import type { Asked } from '../../app/model/approval.ts'
import { type Failure, failureOf } from '../../app/model/failure.ts'
import type { RepositoryDetails } from '../../app/model/repository.ts'
import { shortAge } from '../../app/model/text/units.ts'
import { call, useReplica } from '../client/replica.ts'
import { draftOf, keepDraft } from '../parts/drafts.ts'
import { Icon } from '../parts/Icon.tsx'
import { Modal } from '../parts/Modal.tsx'
import { Ticking } from '../parts/Ticking.tsx'
import { useDebounced } from '../parts/use-debounced.ts'
import { line, shortRef } from '../parts/words.ts'
import { focusRun, showFilter, useUi } from '../window/ui.ts'
import { AgentChoice, AgentForm } from './AgentChoice.tsx'
import { BeforeStart } from './BeforeStart.tsx'
import {
  canStart,
  createInput,
  draftFrom,
  emptyForm,
  type Form,
  incomplete,
  optionsIn,
  optionsOf,
  withDraft,
} from './new-run-form.ts'
import { RecentPrompts } from './RecentPrompts.tsx'
import { useRecall } from './use-recall.ts'
import './new-run-dialog.css'

const lastKey = 'coppice.new-run'
const draftName = 'new-run'

/** What the last run was started with: the next one is often alike. */
function remembered(): Partial<Pick<Form, 'repositoryId' | 'agent' | 'mode' | 'commandLine'>> {
  try {
    return JSON.parse(localStorage.getItem(lastKey) ?? '{}') as Partial<Form>
  } catch {
    return {}
  }
}

export function NewRunDialog({ repositoryId, onClose }: { repositoryId?: string; onClose: () => void }) {
  const repositories = useReplica(({ state }) => state.repositories)
  const choices = Object.values(repositories).filter((one) => one.presence === 'present')
  const last = useMemo(remembered, [])
  const [form, setForm] = useState<Form>(() => {
    const wanted = repositoryId ?? last.repositoryId
    const fresh: Form = {
      ...emptyForm,
      ...(last.agent ? { agent: last.agent } : {}),
      ...(last.mode ? { mode: last.mode } : {}),
      ...(last.commandLine ? { commandLine: last.commandLine } : {}),
      // One that was just added may reach the list a moment after the dialog.
      repositoryId: repositoryId ?? (wanted && repositories[wanted] ? wanted : choices[0]?.id) ?? '',
    }
    return withDraft(fresh, draftOf(draftName))
  })
  const [agents, setAgents] = useState<readonly DetectedAgent[] | null>(null)
  const [details, setDetails] = useState<RepositoryDetails | null>(null)
  const [detailsProblem, setDetailsProblem] = useState<Failure | null>(null)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [busy, setBusy] = useState(false)
  const [fetching, setFetching] = useState<string | null>(null)
  const prompt = useRef<HTMLTextAreaElement>(null)
  const set = (change: Partial<Form>) => {
    setForm((before) => ({ ...before, ...change }))
    setFailure(null)
  }
  const [restored, setRestored] = useState(form.prompt !== '')
  // However the dialog is closed, what was written is there when it opens again.
  const sent = useRef(false)
  useEffect(() => {
    if (!sent.current) keepDraft(draftName, draftFrom(form))
  }, [form])
  const agent = agents?.find((one) => one.name === form.agent)
  const firstChoice = choices[0]?.id
  useEffect(() => {
    if (firstChoice)
      setForm((before) => (before.repositoryId === '' ? { ...before, repositoryId: firstChoice } : before))
  }, [firstChoice])

  useEffect(() => {
    call('agent.list', {}).then(
      ({ agents: found }) => {
        setAgents(found)
        setForm((before) => {
          const chosen = found.find((one) => one.name === before.agent)
          if (chosen && canStart(chosen)) return before
          const first = found.find((one) => canStart(one) && one.name !== 'demo')
          return first
            ? { ...before, agent: first.name, mode: first.modes.includes(before.mode) ? before.mode : 'interactive' }
            : before
        })
      },
      (error: unknown) => setFailure(failureOf(error)),
    )
  }, [])

  const id = form.repositoryId
  const [looked, lookAgain] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `looked` says when to look again.
  useEffect(() => {
    if (id === '') return
    let current = true
    call('repository.details', { repositoryId: id }).then(
      (found) => {
        if (!current) return
        setDetails(found)
        setDetailsProblem(null)
      },
      (error: unknown) => {
        if (!current) return
        setDetails(null)
        setDetailsProblem(failureOf(error))
      },
    )
    return () => {
      current = false
    }
  }, [id, looked])

  const [recents, setRecents] = useState(false)
  const closeRecents = () => {
    setRecents(false)
    prompt.current?.focus()
  }
  const recall = useRecall(form.start === 'in-place' ? '' : id, (text) => set({ prompt: text }))
  const asked = useAsked(form, looked)
  const setup = asked?.find(({ request }) => request.kind === 'setup')
  // A switch says yes to the content that stands beside it: another content starts from no again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the hash stands for the content.
  useEffect(() => {
    setForm((before) => ({ ...before, setup: setup?.approved ?? false }))
  }, [setup?.hash, setup?.approved])
  const install = asked?.find(({ request }) => request.kind === 'install')
  // biome-ignore lint/correctness/useExhaustiveDependencies: the hash stands for the content.
  useEffect(() => {
    setForm((before) => ({ ...before, install: install?.approved ?? true }))
  }, [install?.hash, install?.approved])
  const branchName = useBranchName(form)
  const preview = usePreview(form, agent)

  async function fetchNow() {
    setFetching('Fetching')
    try {
      const { fetched, reason } = await call('repository.fetch', { repositoryId: id })
      setFetching(fetched ? null : `Not fetched${reason ? `: ${line(reason, 120)}` : ''}`)
      lookAgain((n) => n + 1)
    } catch (error) {
      setFetching(sentenceOf(failureOf(error)).message)
    }
  }

  // A repository that cannot be looked at cannot be worked in: its problem stands at its own field.
  const missing =
    incomplete(form, agent) ?? (form.start !== 'in-place' && detailsProblem ? 'This repository is not available' : null)
  async function start() {
    if (busy || missing) return
    setBusy(true)
    try {
      const { runIds } = await call('run.create', createInput(form, agent, asked))
      sent.current = true
      keepDraft(draftName, null)
      try {
        const { repositoryId: chosen, agent: name, mode, commandLine } = form
        localStorage.setItem(lastKey, JSON.stringify({ repositoryId: chosen, agent: name, mode, commandLine }))
      } catch {
        // Not remembered; the next form starts from the defaults.
      }
      onClose()
      const { filter } = useUi.getState()
      if (filter !== 'active' && filter !== 'all' && filter !== `repository:${id}`) showFilter('active')
      focusRun(runIds[0] ?? null, { maximise: false })
    } catch (error) {
      setFailure(failureOf(error))
      setBusy(false)
    }
  }

  const keys = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
    const { target } = event
    const inButton = target instanceof Element && target.closest('button, select, [role="menu"]')
    const mod = event.ctrlKey || event.metaKey
    if (!mod && (event.shiftKey || inButton)) return
    event.preventDefault()
    void start()
  }

  const takesPrompt = form.agent !== 'shell'
  const many = form.start === 'new-branch' && form.copies > 1
  return (
    <Modal title="New run" initialFocus={prompt} onClose={onClose}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: Enter in any of its fields starts the run. */}
      <div className="dialog-body" onKeyDown={keys}>
        <div className="cols">
          <div className="form">
            <AgentChoice agents={agents} form={form} set={set} demo={repositories[id]?.demo === true} />
            {form.agent === 'command' && (
              <label className="field">
                <span className="lab">
                  Command line{' '}
                  <span className="faint">
                    run by your shell; the prompt is in $COPPICE_PROMPT and in the file $COPPICE_PROMPT_FILE
                  </span>
                </span>
                <input
                  className="input mono"
                  value={form.commandLine}
                  placeholder='my-agent --task "$COPPICE_PROMPT"'
                  spellCheck={false}
                  onChange={(event) => set({ commandLine: event.target.value })}
                />
              </label>
            )}
            <div className="field">
              <span className="lab">
                <label htmlFor="new-run-prompt">Prompt</label>
                <span className="faint">Shift Enter for a new line</span>
                {takesPrompt && (
                  <button
                    type="button"
                    className="link"
                    aria-expanded={recents}
                    title="Or press Up in an empty prompt"
                    onClick={() => setRecents(!recents)}
                  >
                    Recent prompts
                  </button>
                )}
              </span>
              <textarea
                id="new-run-prompt"
                ref={prompt}
                className="input prompt"
                rows={5}
                value={form.prompt}
                disabled={!takesPrompt}
                placeholder={takesPrompt ? 'What should it do?' : 'A shell takes no prompt'}
                onChange={(event) => set({ prompt: event.target.value })}
                onKeyDown={recall}
              />
            </div>
            {recents && takesPrompt && (
              <RecentPrompts
                repositoryId={form.start === 'in-place' ? '' : id}
                onTake={(text) => {
                  set({ prompt: text })
                  closeRecents()
                }}
                onClose={closeRecents}
              />
            )}
            {restored && (
              <p className="hint">
                Your draft from before.
                <button
                  type="button"
                  className="link"
                  onClick={() => {
                    set({ prompt: '', branch: '', copies: 1 })
                    setRestored(false)
                    prompt.current?.focus()
                  }}
                >
                  Discard draft
                </button>
              </p>
            )}
            {agent && <AgentForm key={`${agent.name} ${form.mode}`} agent={agent} form={form} set={set} />}
            <div className="two-up">
              <label className="field">
                <span className="lab">Repository</span>
                <span className="input select">
                  <Icon name="repo" />
                  <select
                    value={id}
                    disabled={form.start === 'in-place'}
                    onChange={(event) => set({ repositoryId: event.target.value, base: '', fromBranch: '' })}
                  >
                    {choices.map((one) => (
                      <option key={one.id} value={one.id}>
                        {line(one.name, 80)}
                      </option>
                    ))}
                  </select>
                  <Icon name="down" size={14} />
                </span>
                <span className="hint cut" title={repositories[id]?.path}>
                  {repositories[id]?.trusted
                    ? 'Trusted repository'
                    : 'Not trusted: its filters are off, installs ask first'}
                </span>
              </label>
              <Start
                form={form}
                set={set}
                details={details}
                problem={detailsProblem}
                fetching={fetching}
                onFetch={() => void fetchNow()}
              />
            </div>
            {form.start === 'new-branch' && (
              <div className="two-up branch-row">
                <label className="field">
                  <span className="lab">New branch</span>
                  <span className="input">
                    <Icon name="branch" />
                    <input
                      className="mono"
                      value={form.branch}
                      placeholder={branchName?.branch ?? ''}
                      spellCheck={false}
                      autoComplete="off"
                      onChange={(event) => set({ branch: event.target.value })}
                    />
                  </span>
                  <BranchHint name={branchName} typed={form.branch.trim() !== ''} />
                </label>
                <fieldset className="field">
                  <legend className="lab">Copies</legend>
                  <span className="input stepper">
                    <button
                      type="button"
                      className="btn quiet small icon-only"
                      aria-label="Fewer copies"
                      disabled={form.copies <= 1}
                      onClick={() => set({ copies: form.copies - 1 })}
                    >
                      <Icon name="minus" size={14} />
                    </button>
                    <output aria-label="Copies">{form.copies}</output>
                    <button
                      type="button"
                      className="btn quiet small icon-only"
                      aria-label="More copies"
                      disabled={form.copies >= 50}
                      onClick={() => set({ copies: form.copies + 1 })}
                    >
                      <Icon name="plus" size={14} />
                    </button>
                  </span>
                  <span className="hint">{many ? `-1 to -${form.copies}, to compare` : 'one run'}</span>
                </fieldset>
              </div>
            )}
          </div>
          <BeforeStart
            form={form}
            set={set}
            details={details}
            agent={agent}
            preview={preview}
            branch={branchName?.branch ?? null}
            asked={asked}
          />
        </div>
        {failure && <Refusal failure={failure} onUse={(branch) => set({ branch })} />}
        <footer>
          <span className="muted grow small cut">{missing ?? footnote(form, details)}</span>
          <button type="button" className="btn tall quiet" onClick={onClose}>
            Cancel <kbd>Esc</kbd>
          </button>
          <button
            type="button"
            className="btn tall primary"
            disabled={busy || missing !== null}
            onClick={() => void start()}
          >
            {busy ? 'Starting' : many ? `Start ${form.copies} runs` : 'Start run'} <kbd>Enter</kbd>
          </button>
        </footer>
      </div>
    </Modal>
  )
}

function footnote(form: Form, details: RepositoryDetails | null): string {
  if (form.start === 'in-place') return 'The agent works in that folder itself, not in a copy.'
  const own = 'Your own checkout is not touched.'
  if (!details) return own
  const free = Math.max(0, details.limit - details.running)
  const wanted = form.start === 'new-branch' ? form.copies : 1
  if (free >= wanted) return own
  return free === 0
    ? `${wanted === 1 ? 'It waits' : 'They wait'} for a slot: ${details.running} of ${details.limit} run. ${own}`
    : `${free} start now, ${wanted - free} wait for a slot. ${own}`
}

function useBranchName(form: Form): CommandOutput<'repository.branch-name'> | null {
  const [answer, setAnswer] = useState<CommandOutput<'repository.branch-name'> | null>(null)
  const { repositoryId, start, agent, copies } = form
  const prompt = useDebounced(agent === 'shell' ? '' : form.prompt.trim().slice(0, 2000), 200)
  const commandLine = useDebounced(agent === 'command' ? form.commandLine.trim() : '', 200)
  const branch = useDebounced(form.branch.trim(), 200)
  useEffect(() => {
    if (repositoryId === '' || start !== 'new-branch') return
    let current = true
    call('repository.branch-name', {
      ...{ repositoryId, agent, copies },
      ...(prompt ? { prompt } : {}),
      ...(commandLine ? { commandLine } : {}),
      ...(branch ? { branch } : {}),
    }).then(
      (found) => current && setAnswer(found),
      () => current && setAnswer(null),
    )
    return () => {
      current = false
    }
  }, [repositoryId, start, agent, copies, prompt, commandLine, branch])
  return answer
}

/** What the run would ask about, from where it starts now. Null until that is known: then the run itself asks. */
function useAsked(form: Form, looked: number): readonly Asked[] | null {
  const [answer, setAnswer] = useState<readonly Asked[] | null>(null)
  const { repositoryId, start } = form
  const base = useDebounced(start === 'new-branch' ? form.base.trim() : '', 200)
  const fromBranch = useDebounced(start === 'existing-branch' ? form.fromBranch.trim() : '', 200)
  // biome-ignore lint/correctness/useExhaustiveDependencies: `looked` says when to look again.
  useEffect(() => {
    setAnswer(null)
    if (repositoryId === '' || (start === 'existing-branch' && fromBranch === '')) return
    let current = true
    call('approval.preview', {
      repositoryId,
      ...(base ? { base } : {}),
      ...(fromBranch ? { fromBranch } : {}),
    }).then(
      (found) => current && setAnswer(found.asked),
      () => current && setAnswer(null),
    )
    return () => {
      current = false
    }
  }, [repositoryId, start, base, fromBranch, looked])
  return answer
}

function usePreview(form: Form, agent: DetectedAgent | undefined): CommandOutput<'agent.preview'> | null {
  const [answer, setAnswer] = useState<CommandOutput<'agent.preview'> | null>(null)
  const wanted = useDebounced(
    JSON.stringify({
      agent: form.agent,
      mode: form.mode,
      options: optionsOf(form, agent ? optionsIn(agent, form.mode) : []),
      ...(form.agent === 'command' && form.commandLine.trim() ? { commandLine: form.commandLine.trim() } : {}),
      // Only the beginning is ever shown.
      ...(form.prompt.trim() && form.agent !== 'shell' ? { prompt: form.prompt.slice(0, 2000) } : {}),
    }),
    200,
  )
  useEffect(() => {
    let current = true
    call('agent.preview', JSON.parse(wanted)).then(
      (found) => current && setAnswer(found),
      (error: unknown) => current && setAnswer({ commandLine: '', problem: sentenceOf(failureOf(error)).message }),
    )
    return () => {
      current = false
    }
  }, [wanted])
  return answer
}

function FolderField({ folder, onChange }: { folder: string; onChange: (folder: string) => void }) {
  return (
    <span className="input">
      <Icon name="folder" />
      <input
        className="mono"
        aria-label="Folder"
        value={folder}
        placeholder="/home/you/notes"
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
    </span>
  )
}

interface StartProps {
  readonly form: Form
  readonly details: RepositoryDetails | null
  readonly problem: Failure | null
  readonly fetching: string | null
  set(change: Partial<Form>): void
  onFetch(): void
}

function Start({ form, set, details, problem, fetching, onFetch }: StartProps) {
  const fresh = form.start === 'new-branch'
  const inPlace = form.start === 'in-place'
  const usual = details?.defaultBase
  const local = details?.branches.filter((branch) => !branch.remote) ?? []
  const chosen = details?.branches.find(
    (branch) => branch.name === (fresh ? form.base : form.fromBranch) || branch.ref === form.base,
  )
  const committedAt = form.base === '' && fresh ? usual?.committedAt : chosen?.committedAt
  return (
    <fieldset className="field">
      <legend className="sr">Start from</legend>
      <span className="lab">
        <span className="tabs">
          <button type="button" aria-pressed={fresh} onClick={() => set({ start: 'new-branch' })}>
            Base
          </button>
          <button
            type="button"
            aria-pressed={form.start === 'existing-branch'}
            onClick={() => set({ start: 'existing-branch' })}
          >
            Existing branch
          </button>
          <button
            type="button"
            aria-pressed={inPlace}
            title="In a folder, without a worktree"
            onClick={() => set({ start: 'in-place' })}
          >
            In a folder
          </button>
        </span>
        {details && details.remotes.length > 0 && !inPlace && (
          <button type="button" className="link" onClick={onFetch} disabled={fetching === 'Fetching'}>
            Fetch now
          </button>
        )}
      </span>
      {inPlace ? (
        <FolderField folder={form.folder} onChange={(folder) => set({ folder })} />
      ) : (
        <span className="input">
          <Icon name={fresh ? 'commit' : 'branch'} />
          <input
            className="mono"
            list="coppice-refs"
            aria-label={fresh ? 'Base' : 'Existing branch'}
            value={fresh ? form.base : form.fromBranch}
            placeholder={
              fresh ? (usual ? `${shortRef(usual.ref)} ${usual.commit.slice(0, 7)}` : 'HEAD') : 'a branch that exists'
            }
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => set(fresh ? { base: event.target.value } : { fromBranch: event.target.value })}
          />
          <datalist id="coppice-refs">
            {(fresh ? (details?.branches ?? []) : local.filter((branch) => branch.checkedOutAt === null))
              .slice(0, 500)
              .map((branch) => (
                <option key={branch.ref} value={branch.name} />
              ))}
          </datalist>
        </span>
      )}
      {inPlace ? (
        <span className="hint">In a folder, without a worktree</span>
      ) : problem ? (
        <span className="hint bad">{sentenceOf(problem).message}</span>
      ) : fetching ? (
        <span className="hint" role="status">
          {fetching}
        </span>
      ) : (
        <span className="hint">
          {!fresh && chosen?.checkedOutAt ? (
            `Checked out at ${line(chosen.checkedOutAt, 80)}`
          ) : (
            <Ticking>{(now) => baseAge(now, committedAt, fresh ? usual?.fetchedAt : undefined)}</Ticking>
          )}
        </span>
      )}
    </fieldset>
  )
}

function baseAge(now: number, committedAt: number | undefined, fetchedAt: number | null | undefined): string {
  if (committedAt === undefined) return ' '
  const commit = `Newest commit ${shortAge(now - committedAt)} old`
  return fetchedAt === undefined
    ? commit
    : `${commit}, ${fetchedAt === null ? 'never fetched' : `fetched ${shortAge(now - fetchedAt)} ago`}`
}

function BranchHint({ name, typed }: { name: CommandOutput<'repository.branch-name'> | null; typed: boolean }) {
  if (!name) return <span className="hint"> </span>
  if (name.problem) return <span className="hint bad">{line(name.problem, 160)}</span>
  if (!name.free) return <span className="hint bad">{line(name.branch, 100)} exists already</span>
  return (
    <span className="hint good">
      <Icon name="check" size={14} />
      {typed ? 'Free here and on the remotes' : 'From the template; free here and on the remotes'}
    </span>
  )
}

function Refusal({ failure, onUse }: { failure: Failure; onUse: (branch: string) => void }) {
  const { message, next } = sentenceOf(failure)
  const suggestion = failure.detail?.suggestion
  return (
    <div className="refusal" role="alert">
      <Icon name="failed" size={14} />
      <span className="grow">
        {message} <span className="muted">{next}</span>
      </span>
      {typeof suggestion === 'string' && (failure.code === 'branch-exists' || failure.code === 'id-taken') && (
        <button type="button" className="btn small" onClick={() => onUse(suggestion)}>
          Use {line(suggestion, 60)}
        </button>
      )}
    </div>
  )
}
