// `coppice settings`: every setting by name, with its value and the values it can have. The list and the allowed values come from
// the model, so a setting that is added there appears here at once.
import { z } from 'zod'
import { defaultSettings, SettingsChange } from '../../model/settings.ts'
import { plainText } from '../../model/text/text.ts'
import type { Cli } from '../cli.ts'
import { usageError } from '../errors.ts'
import { table } from '../table.ts'

type Name = keyof typeof SettingsChange.shape
const names = Object.keys(SettingsChange.shape) as Name[]

/** Prints one setting, or all of them. */
export async function get(cli: Cli, name?: string): Promise<void> {
  const known = name === undefined ? null : nameOf(name)
  const link = await cli.open()
  await link.watch()
  const settings = { ...defaultSettings, ...link.state.settings }
  if (known) {
    cli.output.result({ [known]: settings[known] }, () => [shown(settings[known])])
    return
  }
  cli.output.result(settings, () =>
    table(
      [{ title: 'SETTING' }, { title: 'VALUE' }, { title: 'MAY BE' }],
      names.map((each) => [each, shown(settings[each]), wantedFor(each)]),
      { width: cli.output.width, header: cli.output.faint },
    ),
  )
}

/** Changes one setting. A value that it cannot have is refused with those that it can, before a host is asked. */
export async function set(cli: Cli, name: string, text: string): Promise<void> {
  const known = nameOf(name)
  const value = valueIn(known, text)
  const link = await cli.open()
  await link.call('settings.change', { change: { [known]: value } })
  cli.output.result({ [known]: value }, () => [`${known} is now ${shown(value)}`])
}

function nameOf(name: string): Name {
  const found = names.find((each) => each === name)
  if (found) return found
  throw usageError(`There is no setting "${plainText(name, 80)}".`, `The settings are: ${names.join(', ')}`)
}

/** What the text means for this setting: as it stands, else as JSON (a number, null, a list). */
export function valueIn(name: Name, text: string): unknown {
  const field = SettingsChange.shape[name]
  for (const candidate of [text, ...parsed(text)]) {
    const result = field.safeParse(candidate)
    if (result.success && result.data !== undefined) return result.data
  }
  throw usageError(
    `${name} cannot be "${plainText(text, 200)}". Expected ${wantedFor(name)}.`,
    `Run "coppice settings get ${name}" to see what it is now`,
  )
}

function parsed(text: string): unknown[] {
  try {
    return [JSON.parse(text)]
  } catch {
    return []
  }
}

interface Shape {
  readonly type?: string
  readonly enum?: readonly string[]
  readonly anyOf?: readonly Shape[]
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
}

/** The values that a setting may have, in words: "a whole number from 1 to 200". */
export function wantedFor(name: Name): string {
  if (name === 'worktreeRoot') return 'an absolute path, or null for the data directory'
  return inWords(z.toJSONSchema(SettingsChange.shape[name], { io: 'input' }) as Shape)
}

function inWords(shape: Shape): string {
  if (shape.anyOf) return shape.anyOf.map(inWords).join(', or ')
  if (shape.enum) return `${shape.enum.slice(0, -1).join(', ')} or ${shape.enum.at(-1)}`
  switch (shape.type) {
    case 'integer':
    case 'number': {
      const what = shape.type === 'integer' ? 'a whole number' : 'a number'
      const most = shape.maximum !== undefined && shape.maximum < Number.MAX_SAFE_INTEGER ? ` to ${shape.maximum}` : ''
      return most ? `${what} from ${shape.minimum}${most}` : `${what} of at least ${shape.minimum}`
    }
    case 'array':
      return `a JSON list of at most ${shape.maxItems} texts`
    case 'boolean':
      return 'true or false'
    case 'null':
      return 'null'
    default:
      return shape.maxLength === undefined ? 'a text' : `a text of at most ${shape.maxLength} characters`
  }
}

const shown = (value: unknown): string => plainText(typeof value === 'string' ? value : JSON.stringify(value), 4096)
