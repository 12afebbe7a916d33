// What a person can set. Each field is saved when it changes and shows the host's value; the page keeps none of it.
import { type ReactNode, useState } from 'react'
import type { Settings } from '../../app/model/settings.ts'
import { bytesText } from '../../app/model/text/units.ts'
import { attempt } from '../actions/verbs.ts'
import { useSettings } from '../client/hooks.ts'
import { useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { Modal } from '../parts/Modal.tsx'
import { line } from '../parts/words.ts'
import './settings.css'

const save = (change: Partial<Settings>): void => void attempt('Setting not saved', 'settings.change', { change })

export function SettingsDialog({ onClose }: { onClose: () => void }) {
  const settings = useSettings()
  const welcome = useReplica((replica) => replica.welcome)
  return (
    <Modal title="Settings" className="settings" onClose={onClose}>
      <div className="form">
        <Group title="Appearance">
          <Choice
            label="Theme"
            value={settings.theme}
            options={[
              ['system', 'As the system'],
              ['dark', 'Dark'],
              ['light', 'Light'],
            ]}
            onChange={(theme) => save({ theme })}
          />
          <Choice
            label="Tiles on screen"
            value={settings.density}
            options={[
              ['auto', 'By number'],
              ['1', '1'],
              ['4', '4'],
              ['9', '9'],
              ['16', '16'],
              ['list', 'List'],
            ]}
            onChange={(density) => save({ density })}
          />
        </Group>
        <Group title="Running">
          <NumberField
            label="Agents at once, on this machine"
            value={settings.maxRunning}
            min={1}
            max={200}
            onSave={(maxRunning) => save({ maxRunning })}
          />
          <NumberField
            label="Agents at once, per repository"
            value={settings.maxRunningPerRepository}
            min={1}
            max={200}
            onSave={(maxRunningPerRepository) => save({ maxRunningPerRepository })}
          />
          <TextField
            label="Branch names"
            value={settings.branchTemplate}
            hint="{id} and {slug} are filled in; -2, -3 … make it unique"
            onSave={(branchTemplate) => branchTemplate && save({ branchTemplate })}
          />
          <Choice
            label="When quitting"
            value={settings.onQuit}
            options={[
              ['ask', 'Ask'],
              ['keep', 'Keep agents running'],
              ['stop', 'Stop them'],
            ]}
            onChange={(onQuit) => save({ onQuit })}
          />
        </Group>
        <Group title="Disk">
          <TextField
            label="Folder for worktrees"
            value={settings.worktreeRoot ?? ''}
            placeholder={welcome ? `${welcome.home}/worktrees` : ''}
            hint="An absolute path outside every repository, for new runs. Leave empty to use the data directory."
            onSave={(path) => save({ worktreeRoot: path || null })}
          />
          <NumberField
            label="Keep rebuildable files in the trash (hours)"
            value={settings.keepRebuildableHours}
            min={0}
            max={720}
            onSave={(keepRebuildableHours) => save({ keepRebuildableHours })}
          />
          <NumberField
            label="Keep everything else (days)"
            value={settings.keepTrashDays}
            min={7}
            max={365}
            onSave={(keepTrashDays) => save({ keepTrashDays })}
          />
          <NumberField
            label="New runs wait if less space is free (GB)"
            value={Math.round(settings.lowDiskBytes / 1e8) / 10}
            min={0}
            max={10_000}
            step={0.1}
            hint={`Now ${bytesText(settings.lowDiskBytes)}`}
            onSave={(gigabytes) => save({ lowDiskBytes: Math.round(gigabytes * 1e9) })}
          />
        </Group>
        <Repositories />
        {welcome && (
          <p className="small faint">
            Coppice {welcome.version}, host process {welcome.pid}, data in{' '}
            <span className="mono">{line(welcome.home, 300)}</span>
          </p>
        )}
      </div>
    </Modal>
  )
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="group">
      <h3>{title}</h3>
      {children}
    </section>
  )
}

function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string
  value: T
  options: readonly (readonly [T, string])[]
  onChange: (value: T) => void
}) {
  return (
    <fieldset className="setting">
      <legend className="sr">{label}</legend>
      <span aria-hidden="true">{label}</span>
      <span className="seg">
        {options.map(([option, text]) => (
          <button type="button" key={option} aria-pressed={option === value} onClick={() => onChange(option)}>
            {text}
          </button>
        ))}
      </span>
    </fieldset>
  )
}

function NumberField({
  label,
  value,
  min,
  max,
  step = 1,
  hint,
  onSave,
}: {
  label: string
  value: number
  min: number
  max: number
  step?: number
  hint?: string
  onSave: (value: number) => void
}) {
  const [text, setText] = useState<string | null>(null)
  const commit = () => {
    const next = Number(text)
    if (text !== null && text.trim() !== '' && Number.isFinite(next) && next >= min && next <= max && next !== value)
      onSave(next)
    setText(null)
  }
  return (
    <label className="setting">
      <span>
        {label}
        {hint && <small>{hint}</small>}
      </span>
      <input
        className="input number"
        type="number"
        min={min}
        max={max}
        step={step}
        value={text ?? value}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
    </label>
  )
}

function TextField({
  label,
  value,
  hint,
  placeholder,
  onSave,
}: {
  label: string
  value: string
  hint?: string
  placeholder?: string
  onSave: (value: string) => void
}) {
  const [text, setText] = useState<string | null>(null)
  const commit = () => {
    if (text !== null && text.trim() !== value) onSave(text.trim())
    setText(null)
  }
  return (
    <label className="setting">
      <span>
        {label}
        {hint && <small>{hint}</small>}
      </span>
      <input
        className="input mono"
        value={text ?? value}
        placeholder={placeholder}
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
    </label>
  )
}

function Repositories() {
  const repositories = useReplica(({ state }) => state.repositories)
  const all = Object.values(repositories).sort((a, b) => a.addedAt - b.addedAt)
  if (all.length === 0) return null
  return (
    <Group title="Repositories">
      {all.map((repository) => (
        <div className="setting" key={repository.id}>
          <span>
            {line(repository.name, 80)}
            <small className="mono">{line(repository.path, 200)}</small>
          </span>
          <span className="row">
            <button
              type="button"
              className="switch"
              role="switch"
              aria-checked={repository.trusted}
              aria-label={`Trust ${line(repository.name, 80)}: its filters and install scripts may run`}
              title="Trusted: its git filters run, and its install scripts run without asking"
              onClick={() =>
                void attempt('Trust not changed', 'repository.trust', {
                  repositoryId: repository.id,
                  trusted: !repository.trusted,
                })
              }
            />
            <span className="small muted">Trusted</span>
            <button
              type="button"
              className="btn small quiet"
              title="Removes it from the list; nothing on disk changes"
              onClick={() =>
                void attempt('Repository not removed', 'repository.forget', { repositoryId: repository.id })
              }
            >
              <Icon name="x" size={12} />
              Forget
            </button>
          </span>
        </div>
      ))}
    </Group>
  )
}
