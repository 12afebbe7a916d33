// How a prompt reaches an agent, and which options an agent may be given. A prompt is hostile text: it is one argument or one file,
// never part of a shell's line, and never a flag.
import { type FailureDetail, fail } from '../model/failure.ts'
import type { AgentOptions, Mode } from '../model/run.ts'
import type { Adapter, LaunchRequest } from './adapter.ts'

/**
 * The longest prompt that is handed over as one argument or one environment string, in UTF-8 bytes: Linux refuses any that is
 * longer than 128 KiB (MAX_ARG_STRLEN), the name and the NUL counted; the rest is room for them.
 */
export const maxArgumentBytes = 96 * 1024

/** What a headless agent is told when it is resumed without a word: the CLIs refuse an empty prompt there. */
export const goOn = 'Continue where you left off.'

export const byteLength = (text: string): number => Buffer.byteLength(text, 'utf8')

export const fits = (text: string, maxBytes: number = maxArgumentBytes): boolean => byteLength(text) <= maxBytes

/** A one-line prompt that sends an agent to the file that holds the real one. */
export const readFrom = (file: string): string =>
  `Read your task from the file ${file} (it is long: read all of it), then do it.`

/**
 * Refuses, by name, what the adapter does not know: the mode, each option (`known` are those of this mode), the permission
 * mode, and a prompt that no program can be given.
 */
export function refuseUnknown(
  adapter: Pick<Adapter, 'label' | 'modes' | 'options' | 'permissionModes' | 'ownFlags'>,
  request: LaunchRequest,
  known: readonly (keyof AgentOptions)[],
): void {
  const { label, modes, options, permissionModes } = adapter
  if (!modes.includes(request.mode)) throw refused(`${label} has no ${request.mode} mode`, { mode: request.mode })
  for (const [name, value] of Object.entries(request.options) as [keyof AgentOptions, unknown][]) {
    if (value === undefined || known.includes(name)) continue
    const other: Mode = request.mode === 'headless' ? 'interactive' : 'headless'
    const where = options.includes(name) ? `only in ${other} mode` : 'not at all'
    throw refused(`${label} takes the option ${name} ${where}`, { option: name })
  }
  const { permissionMode, allowedTools = [] } = request.options
  if (permissionMode !== undefined && !permissionModes.includes(permissionMode))
    throw refused(`${label} knows these permission modes: ${permissionModes.join(', ')}`, { option: 'permissionMode' })
  for (const [name, word] of [
    ['model', request.options.model],
    ...allowedTools.map((tool) => ['allowedTools', tool]),
  ]) {
    // Such a value would be read as a flag of its own.
    if (word !== undefined && (word === '' || word.startsWith('-') || word.includes('\0')))
      throw refused(`The option ${name} cannot be ${JSON.stringify(word)}`, { option: name ?? '' })
  }
  refuseExtra(adapter, request.options)
  if (request.prompt?.text.includes('\0'))
    throw refused('A prompt cannot contain a NUL character', { option: 'prompt' })
}

/**
 * Refuses extra arguments by which an agent would get lost: a flag that Coppice sets, the "--" before a prompt, and a first word that
 * is no flag, which the agent would take for its prompt or a subcommand.
 */
export function refuseExtra(
  { label, ownFlags = [] }: Pick<Adapter, 'label' | 'ownFlags'>,
  { extraArguments = [] }: AgentOptions,
): void {
  const no = (message: string) => refused(message, { option: 'extraArguments' })
  const [first] = extraArguments
  if (first !== undefined && !first.startsWith('-'))
    throw no(`Extra arguments begin with a flag, and ${JSON.stringify(first)} is none`)
  for (const word of extraArguments) {
    if (word.includes('\0')) throw no('An extra argument cannot contain a NUL character')
    if (word === '--') throw no('"--" cannot be an extra argument: what follows it is the prompt')
    const flag = word.split('=')[0]!
    if (ownFlags.includes(flag)) throw no(`Coppice sets ${flag} of ${label} itself`)
  }
}

/** A person's extra arguments, which stand among the flags and before the prompt. */
export const extra = ({ options }: Pick<LaunchRequest, 'options'>): readonly string[] => options.extraArguments ?? []

/** The prompt of a headless attempt: a resumed one may come without, a new one may not. */
export function headlessPrompt(
  label: string,
  request: LaunchRequest,
): { readonly text: string; readonly file: string } {
  if (request.prompt && request.prompt.text.trim() !== '') return request.prompt
  if (request.resume !== null) return { text: goOn, file: '' }
  throw refused(`A headless run of ${label} needs a prompt`, { option: 'prompt' })
}

/** The prompt of an interactive attempt; null where there is none and the agent just waits for the person. */
export function interactivePrompt(request: LaunchRequest): { readonly text: string; readonly file: string } | null {
  return request.prompt && request.prompt.text.trim() !== '' ? request.prompt : null
}

export const refused = (message: string, detail: FailureDetail): Error => fail('bad-input', { message, ...detail })
