import { describe, expect, it } from 'vitest'
import type { DetectedAgent } from '../../app/contract/commands/agent.ts'
import { commands } from '../../app/contract/commands/index.ts'
import {
  createInput,
  draftFrom,
  emptyForm,
  incomplete,
  optionsIn,
  optionsOf,
  splitTools,
  withDraft,
} from './new-run-form.ts'

const claude: DetectedAgent = {
  name: 'claude',
  label: 'Claude Code',
  mark: 'cl',
  found: '/bin/claude',
  version: '2',
  modes: ['interactive', 'headless'],
  options: ['model', 'permissionMode', 'allowedTools', 'maxTurns', 'maxBudgetUsd'],
  permissionModes: [],
  problem: null,
  install: null,
}
const form = { ...emptyForm, repositoryId: 'ledger-api', prompt: 'Do it' }

describe('the new-run form', () => {
  it('makes a command that the host accepts', () => {
    const input = createInput(
      { ...form, mode: 'headless', options: { model: 'opus', maxTurns: '12', allowedTools: 'Read, Bash(git log, *)' } },
      claude,
      null,
    )
    expect(commands['run.create'].input.parse(input)).toMatchObject({
      agent: 'claude',
      prompt: 'Do it',
      options: { model: 'opus', maxTurns: 12, allowedTools: ['Read', 'Bash(git log, *)'] },
      copies: 1,
    })
  })

  it('leaves out what was not typed', () => {
    const input = createInput({ ...form, prompt: '  ' }, claude, null)
    expect(Object.keys(input)).not.toContain('prompt')
    expect(Object.keys(input)).not.toContain('base')
    expect(Object.keys(input)).not.toContain('branch')
    expect(input.options).toEqual({})
  })

  it('never sends a prompt to a shell, nor an option that the agent does not know', () => {
    expect(createInput({ ...form, agent: 'shell' }, undefined, null)).not.toHaveProperty('prompt')
    expect(optionsOf({ ...form, options: { maxTurns: '3' } }, ['model'])).toEqual({})
  })

  it('offers limits on turns and money only where an agent works alone', () => {
    const agent = { options: ['model', 'permissionMode', 'allowedTools', 'maxTurns', 'maxBudgetUsd'] as const }
    expect(optionsIn({ options: [...agent.options] }, 'headless')).toEqual(agent.options)
    expect(optionsIn({ options: [...agent.options] }, 'interactive')).toEqual([
      'model',
      'permissionMode',
      'allowedTools',
    ])
  })

  it('gives extra arguments as a shell would read them, and waits for a quote to be closed', () => {
    const typed = (extraArguments: string) => ({ ...emptyForm, repositoryId: 'r', options: { extraArguments } })
    const known = { options: ['extraArguments' as const] }
    expect(optionsOf(typed(`--add-dir '../my libs'  --x=$HOME`), known.options)).toEqual({
      extraArguments: ['--add-dir', '../my libs', '--x=$HOME'],
    })
    expect(optionsOf(typed('  '), known.options)).toEqual({})
    expect(incomplete(typed(`--say 'it`), known)).toBe('A quote in the extra arguments is not closed')
    // An agent that takes none is not stopped by what was typed for another.
    expect(incomplete(typed(`--say 'it`), { options: [] })).toBeNull()
  })

  it('works on an existing branch once, without a base', () => {
    const input = createInput(
      { ...form, start: 'existing-branch', fromBranch: 'fix/x', base: 'main', branch: 'y', copies: 4 },
      claude,
      null,
    )
    expect(input).toMatchObject({ fromBranch: 'fix/x', copies: 1 })
    expect(input).not.toHaveProperty('base')
    expect(input).not.toHaveProperty('branch')
  })

  it('says what is lacking', () => {
    expect(incomplete({ ...form, repositoryId: '' })).toBe('Choose a repository')
    expect(incomplete({ ...form, agent: 'command' })).toBe('Type a command line')
    expect(incomplete({ ...form, mode: 'headless', prompt: '' })).toBe('A headless agent needs a prompt')
    expect(incomplete(form)).toBeNull()
  })

  it('splits tools at commas and lines outside brackets', () =>
    expect(splitTools('Read\nEdit, Bash(a, b),,')).toEqual(['Read', 'Edit', 'Bash(a, b)']))
})

describe('a draft', () => {
  const written = { ...emptyForm, prompt: 'Mend the export', branch: 'mend', copies: 3, setup: true }

  it('brings back what was written, and never a consent', () => {
    const back = withDraft(emptyForm, JSON.parse(JSON.stringify(draftFrom(written))))
    expect(back).toEqual({ ...written, setup: false })
  })

  it('is none where no prompt was written', () => expect(draftFrom({ ...written, prompt: ' \n' })).toBeNull())

  it('believes nothing of what storage holds', () => {
    for (const kept of [null, 7, 'text', [], { prompt: 5, copies: 1e9, branch: {} }, { copies: 0 }]) {
      expect(withDraft(emptyForm, kept)).toEqual(emptyForm)
    }
  })
})
