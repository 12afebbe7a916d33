// The right side of the new-run form: everything that happens before the agent starts, which parts can be left out, the exact
// command line, and the resources it needs.

import { approvalWords } from '../../app/contract/approval-words.ts'
import type { DetectedAgent } from '../../app/contract/commands/agent.ts'
import type { CommandOutput } from '../../app/contract/commands/index.ts'
import type { Asked } from '../../app/model/approval.ts'
import type { RepositoryDetails } from '../../app/model/repository.ts'
import { bytesText, counted } from '../../app/model/text/units.ts'
import { useReplica } from '../client/replica.ts'
import { Icon } from '../parts/Icon.tsx'
import { agentLabel, branchParts, line, shortPath } from '../parts/words.ts'
import type { Form } from './new-run-form.ts'
import './before-start.css'

interface Props {
  readonly form: Form
  readonly details: RepositoryDetails | null
  readonly agent: DetectedAgent | undefined
  readonly preview: CommandOutput<'agent.preview'> | null
  readonly branch: string | null
  /** What the run would ask about; null while that is not known. */
  readonly asked: readonly Asked[] | null
  set(change: Partial<Form>): void
}

export function BeforeStart({ form, details, agent, preview, branch, asked, set }: Props) {
  const setup = asked?.find(({ request }) => request.kind === 'setup')
  const install = asked?.find(({ request }) => request.kind === 'install')
  const installCommand = install?.request.command ?? details?.install?.command.join(' ') ?? ''
  const home = useReplica(({ welcome }) => welcome?.home)
  const wanted = form.start === 'existing-branch' ? form.fromBranch : form.branch.trim() || branch || ''
  const folder = branchParts(wanted)[1]
  return (
    <div className="side">
      <h3>Before the agent starts</h3>
      {form.start === 'in-place' && (
        <p className="hint">
          Nothing. The agent works directly in that folder: no worktree, no branch, no set-up, no install. Coppice never
          moves or removes it, and nothing there can be brought back from the trash.
        </p>
      )}
      <ul className="plan" hidden={form.start === 'in-place'}>
        <li>
          <Icon name="folder" size={14} />
          <span>
            Worktree outside the repository
            <small className="mono cut" title={details?.worktreeRoot}>
              {details ? `${line(shortPath(details.worktreeRoot, home), 200)}/…/${line(folder, 60)}` : ' '}
            </small>
          </span>
        </li>
        {details && details.copies.length > 0 && (
          <li>
            <Icon name="copy" size={14} />
            <span>
              Copy {counted(details.copies.length, 'file')}
              <small className="cut" title={details.copies.join('\n')}>
                {details.copies
                  .slice(0, 3)
                  .map((path) => line(path, 60))
                  .join(', ')}
                {details.copies.length > 3 ? `, and ${details.copies.length - 3} more` : ''}
              </small>
            </span>
          </li>
        )}
        {setup?.request.kind === 'setup' && (
          <li>
            <Icon name="shell" size={14} />
            <span>
              Set-up command
              <small>
                {setup.approved
                  ? `Approved, from ${line(setup.request.source, 80)}`
                  : `New here, from ${line(setup.request.source, 80)}. Read it, then switch it on to allow it.`}
              </small>
              <span className="cmdline">{setup.request.command}</span>
            </span>
            <Switch
              on={form.setup}
              label={setup.approved ? 'Run the set-up command' : 'Allow and run the set-up command'}
              onChange={(setup) => set({ setup })}
            />
          </li>
        )}
        {(install || details?.install) && (
          <li>
            <Icon name="installing" size={14} />
            <span>
              {line(installCommand, 80)}
              <small>
                {install && !install.approved
                  ? `New here, from ${line(install.request.source, 80)}. It runs code from the repository and its packages. Read it, then switch it on to allow exactly this.`
                  : `${line(install?.request.source ?? details?.install?.lockFile ?? '', 80)} found`}
              </small>
              {install && !install.approved && (
                <span className="cmdline">{approvalWords(install.request).content.join('\n')}</span>
              )}
              {details?.install?.problem && <small className="hint bad">{line(details.install.problem, 300)}</small>}
            </span>
            <Switch
              on={form.install}
              label={install && !install.approved ? `Allow and run ${installCommand}` : `Run ${installCommand}`}
              onChange={(on) => set({ install: on })}
            />
          </li>
        )}
      </ul>
      <h3>Then</h3>
      <div className="cmdline">{preview?.commandLine || (agent ? agent.label : agentLabel(form.agent))}</div>
      {preview?.problem && <p className="hint bad">{line(preview.problem, 300)}</p>}
      {details && form.start !== 'in-place' && (
        <>
          <h3>Resources</h3>
          <dl className="takes">
            <dt>Free disk space</dt>
            <dd>{bytesText(details.freeBytes)}</dd>
            <dt>Running in this repository</dt>
            <dd>
              {details.running} of {details.limit} at once
            </dd>
          </dl>
        </>
      )}
    </div>
  )
}

function Switch({ on, label, onChange }: { on: boolean; label: string; onChange: (on: boolean) => void }) {
  return (
    <button
      type="button"
      className="switch"
      role="switch"
      aria-checked={on}
      aria-label={label}
      title={label}
      onClick={() => onChange(!on)}
    />
  )
}
