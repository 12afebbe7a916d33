// What the form of a new run holds, and the command it becomes. Pure: the dialog shows it, the host decides.
import type { DetectedAgent } from '../../app/contract/commands/agent.ts'
import type { CommandInput } from '../../app/contract/commands/index.ts'
import type { Asked } from '../../app/model/approval.ts'
import type { AgentOptions, Mode } from '../../app/model/run.ts'
import { shellWords } from '../../app/model/text/shell-words.ts'

export interface Form {
  readonly repositoryId: string
  readonly agent: DetectedAgent['name']
  readonly commandLine: string
  readonly mode: Mode
  /** Option fields as typed; empty ones are left out. */
  readonly options: Readonly<Partial<Record<keyof AgentOptions, string>>>
  readonly prompt: string
  readonly start: 'new-branch' | 'existing-branch' | 'in-place'
  /** The folder of a run in place, by its whole path. */
  readonly folder: string
  /** A ref as typed; empty is the repository's default. */
  readonly base: string
  readonly fromBranch: string
  /** As typed; empty is what the template gives. */
  readonly branch: string
  readonly copies: number
  readonly setup: boolean
  readonly install: boolean
}

export const emptyForm: Form = {
  repositoryId: '',
  agent: 'claude',
  commandLine: '',
  mode: 'interactive',
  options: {},
  prompt: '',
  start: 'new-branch',
  folder: '',
  base: '',
  fromBranch: '',
  branch: '',
  copies: 1,
  setup: false,
  install: true,
}

/** The form of a draft that was kept, over `form`. Only what was written comes back: consent to a set-up command never does. */
export function withDraft(form: Form, draft: unknown): Form {
  if (typeof draft !== 'object' || draft === null) return form
  const { prompt, commandLine, branch, copies } = draft as Record<string, unknown>
  const text = (value: unknown, otherwise: string) => (typeof value === 'string' ? value : otherwise)
  return {
    ...form,
    prompt: text(prompt, form.prompt),
    commandLine: text(commandLine, form.commandLine),
    branch: text(branch, form.branch),
    copies:
      typeof copies === 'number' && Number.isInteger(copies) && copies >= 1 && copies <= 50 ? copies : form.copies,
  }
}

/** What is kept of a form that is closed unsent; null where nothing was written. */
export const draftFrom = ({ prompt, commandLine, branch, copies }: Form) =>
  prompt.trim() === '' ? null : { prompt, commandLine, branch, copies }

export const optionLabels: Readonly<Record<keyof AgentOptions, { readonly label: string; readonly hint: string }>> = {
  model: { label: 'Model', hint: 'as the agent names it' },
  permissionMode: { label: 'Permission mode', hint: '' },
  allowedTools: { label: 'Allowed tools', hint: 'one per line, or separated by commas' },
  maxTurns: { label: 'Maximum turns', hint: '' },
  maxBudgetUsd: { label: 'Budget, USD', hint: '' },
  extraArguments: { label: 'Extra arguments', hint: 'quoted as in a shell; nothing is expanded' },
}

/** The options that an agent takes in this mode: limits on turns and money are for runs that work alone. */
export const optionsIn = (agent: Pick<DetectedAgent, 'options'>, mode: Mode): (keyof AgentOptions)[] =>
  agent.options.filter((key) => mode === 'headless' || (key !== 'maxTurns' && key !== 'maxBudgetUsd'))

/** The options that were filled in, in their own types; what is no number where one is needed is left out. */
export function optionsOf(form: Form, known: readonly (keyof AgentOptions)[]): AgentOptions {
  const text = (key: keyof AgentOptions) => (known.includes(key) ? (form.options[key]?.trim() ?? '') : '')
  const number = (key: keyof AgentOptions) => {
    const value = Number(text(key))
    return text(key) !== '' && Number.isFinite(value) && value > 0 ? value : undefined
  }
  const tools = splitTools(text('allowedTools'))
  const turns = number('maxTurns')
  const budget = number('maxBudgetUsd')
  const more = shellWords(text('extraArguments')) ?? []
  return {
    ...(text('model') ? { model: text('model') } : {}),
    ...(text('permissionMode') ? { permissionMode: text('permissionMode') } : {}),
    ...(tools.length > 0 ? { allowedTools: tools } : {}),
    ...(turns ? { maxTurns: Math.floor(turns) } : {}),
    ...(budget ? { maxBudgetUsd: budget } : {}),
    ...(more.length > 0 ? { extraArguments: more } : {}),
  }
}

/** "Read, Bash(git log, *)" is two tools: a comma inside brackets belongs to the tool. */
export function splitTools(text: string): string[] {
  const tools: string[] = []
  let depth = 0
  let current = ''
  for (const character of text) {
    if (character === '(') depth++
    if (character === ')') depth = Math.max(0, depth - 1)
    if (character === '\n' || (character === ',' && depth === 0)) {
      tools.push(current)
      current = ''
    } else current += character
  }
  return [...tools, current].map((tool) => tool.trim()).filter((tool) => tool !== '')
}

/** The command that the form stands for. */
export function createInput(
  form: Form,
  agent: DetectedAgent | undefined,
  asked: readonly Asked[] | null,
): CommandInput<'run.create'> {
  const takesPrompt = form.agent !== 'shell'
  const setup = asked?.find(({ request }) => request.kind === 'setup')
  const install = asked?.find(({ request }) => request.kind === 'install')
  const who = {
    agent: form.agent,
    ...(form.agent === 'command' ? { commandLine: form.commandLine.trim() } : {}),
    mode: form.mode,
    options: optionsOf(form, agent ? optionsIn(agent, form.mode) : []),
    ...(takesPrompt && form.prompt.trim() !== '' ? { prompt: form.prompt } : {}),
  }
  if (form.start === 'in-place') return { ...who, inPlace: form.folder.trim() }
  return {
    repositoryId: form.repositoryId,
    ...who,
    ...(form.start === 'existing-branch'
      ? { fromBranch: form.fromBranch.trim() }
      : {
          ...(form.base.trim() ? { base: form.base.trim() } : {}),
          ...(form.branch.trim() ? { branch: form.branch.trim() } : {}),
        }),
    copies: form.start === 'existing-branch' ? 1 : form.copies,
    ...(setup ? (form.setup ? { setup: 'run', setupHash: setup.hash } : { setup: 'skip' }) : { setup: 'ask' }),
    ...(install && form.install ? { installHash: install.hash } : {}),
    install: form.install,
  }
}

/** Why the form cannot be sent yet, in a few words; null where it can. */
export function incomplete(form: Form, agent?: Pick<DetectedAgent, 'options'>): string | null {
  if (form.start === 'in-place') {
    if (form.folder.trim() === '') return 'Type the path of a folder'
  } else if (form.repositoryId === '') return 'Choose a repository'
  if (form.agent === 'command' && form.commandLine.trim() === '') return 'Type a command line'
  if (form.start === 'existing-branch' && form.fromBranch.trim() === '') return 'Choose a branch'
  if (form.mode === 'headless' && form.agent !== 'command' && form.agent !== 'shell' && form.prompt.trim() === '') {
    return 'A headless agent needs a prompt'
  }
  if (agent?.options.includes('extraArguments') && shellWords(form.options.extraArguments ?? '') === null)
    return 'A quote in the extra arguments is not closed'
  return null
}

/** Whether an agent can be chosen: its program was found, or it needs none of its own. */
export const canStart = (agent: DetectedAgent): boolean =>
  agent.found !== null || agent.name === 'shell' || agent.name === 'command' || agent.name === 'demo'
