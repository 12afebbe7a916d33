// Choosing an agent: the installed ones as cards, the others by name with how to install them; and the form for what a headless
// agent may do.
import { useState } from 'react'
import type { DetectedAgent } from '../../app/contract/commands/agent.ts'
import type { AgentOptions, Mode } from '../../app/model/run.ts'
import { Icon } from '../parts/Icon.tsx'
import { agentMark, line } from '../parts/words.ts'
import { canStart, type Form, optionLabels, optionsIn } from './new-run-form.ts'
import './agent-choice.css'

interface Props {
  readonly form: Form
  set(change: Partial<Form>): void
}

export function AgentChoice({
  agents,
  form,
  set,
  demo,
}: Props & { agents: readonly DetectedAgent[] | null; demo: boolean }) {
  const offered = (agents ?? []).filter((agent) => canStart(agent) && (agent.name !== 'demo' || demo))
  const missing = (agents ?? []).filter((agent) => !canStart(agent))
  const found = offered.filter((agent) => agent.found !== null && !['shell', 'command', 'demo'].includes(agent.name))
  return (
    <fieldset className="field">
      <legend className="lab">
        Agent <span className="faint">{agents === null ? 'Looking' : `${found.length} found on PATH`}</span>
      </legend>
      <div className="agents">
        {offered.map((agent) => (
          <label
            key={agent.name}
            className={`choice${form.agent === agent.name ? ' on' : ''}`}
            title={agent.found ?? undefined}
          >
            <input
              type="radio"
              name="agent"
              className="sr"
              checked={form.agent === agent.name}
              onChange={() =>
                set({
                  agent: agent.name,
                  mode: agent.modes.includes(form.mode) ? form.mode : (agent.modes[0] ?? 'interactive'),
                })
              }
            />
            <b>
              <i>{agentMark(agent.name)}</i>
              <span className="cut">{agent.label}</span>
            </b>
            <span className={`cut${agent.problem ? ' warn' : ''}`} title={agent.problem ?? undefined}>
              {agent.name === 'command'
                ? 'any program'
                : agent.name === 'shell'
                  ? 'your login shell'
                  : [agent.version, agent.problem].filter(Boolean).join(', ') || 'found'}
            </span>
          </label>
        ))}
      </div>
      {missing.length > 0 && (
        <details className="missing">
          <summary>
            Not installed: {missing.map((agent) => agent.label).join(', ')}.{' '}
            <span className="link">How to install them</span>
          </summary>
          <dl>
            {missing.map((agent) => (
              <div key={agent.name}>
                <dt>{agent.label}</dt>
                <dd className="mono">{line(agent.install ?? agent.problem ?? 'see its own site', 200)}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </fieldset>
  )
}

const modes: readonly (readonly [Mode, string, string])[] = [
  ['interactive', 'Interactive', 'A terminal you can type into'],
  ['headless', 'Headless', 'Works through the prompt on its own, then ends'],
]

/** Options that take a line of their own. */
const wide: readonly (keyof AgentOptions)[] = ['allowedTools', 'extraArguments']

export function AgentForm({ agent, form, set }: Props & { agent: DetectedAgent }) {
  const change = (key: keyof AgentOptions, value: string) => set({ options: { ...form.options, [key]: value } })
  const fields = optionsIn(agent, form.mode)
  const filled = fields.filter((key) => (form.options[key] ?? '').trim() !== '').length
  const [open, setOpen] = useState(form.mode === 'headless' || filled > 0)
  return (
    <>
      {agent.modes.length > 1 && (
        <fieldset className="mode">
          <legend className="sr">Mode</legend>
          <span className="seg">
            {modes
              .filter(([mode]) => agent.modes.includes(mode))
              .map(([mode, label, hint]) => (
                <button
                  key={mode}
                  type="button"
                  title={hint}
                  aria-pressed={form.mode === mode}
                  onClick={() => set({ mode })}
                >
                  {label}
                </button>
              ))}
          </span>
          <span className="hint">{modes.find(([mode]) => mode === form.mode)?.[2]}</span>
        </fieldset>
      )}
      {fields.length > 0 && (
        <details className="agent-options" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>
            Options <span className="faint">{filled > 0 ? `${filled} set` : 'the agent’s own defaults'}</span>
          </summary>
          <div className="options">
            {fields.map((key) => (
              // biome-ignore lint/a11y/noLabelWithoutControl: the control is one of the two below.
              <label key={key} className={`field${wide.includes(key) ? ' wide' : ''}`}>
                <span className="lab">
                  {optionLabels[key].label} <span className="faint">{optionLabels[key].hint}</span>
                </span>
                {key === 'permissionMode' && agent.permissionModes.length > 0 ? (
                  <span className="input select">
                    <select
                      value={form.options.permissionMode ?? ''}
                      onChange={(event) => change(key, event.target.value)}
                    >
                      <option value="">the agent's own default</option>
                      {agent.permissionModes.map((mode) => (
                        <option key={mode} value={mode}>
                          {mode}
                        </option>
                      ))}
                    </select>
                    <Icon name="down" size={14} />
                  </span>
                ) : (
                  <input
                    className="input mono"
                    value={form.options[key] ?? ''}
                    inputMode={key === 'maxTurns' ? 'numeric' : key === 'maxBudgetUsd' ? 'decimal' : 'text'}
                    spellCheck={false}
                    autoComplete="off"
                    onChange={(event) => change(key, event.target.value)}
                  />
                )}
              </label>
            ))}
          </div>
        </details>
      )}
    </>
  )
}
