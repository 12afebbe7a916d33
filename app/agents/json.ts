// Reads JSON of any shape without trusting it: each function returns a value of its type or nothing, and never throws. Agents
// change their events between versions; a missing field may cost a word in a transcript, but not a run.

/** A field of an object; undefined where the value is no object or has no such field of its own. */
export function field(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value
  for (const name of path) {
    if (current === null || typeof current !== 'object' || !Object.hasOwn(current, name)) return undefined
    current = (current as Record<string | number, unknown>)[name]
  }
  return current
}

export function text(value: unknown, ...path: readonly (string | number)[]): string | undefined {
  const found = field(value, ...path)
  return typeof found === 'string' ? found : undefined
}

export function number(value: unknown, ...path: readonly (string | number)[]): number | undefined {
  const found = field(value, ...path)
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined
}

export function list(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = field(value, ...path)
  return Array.isArray(found) ? found : []
}

/** The longest text that is kept of one field of one event, in characters; a transcript shows far less. */
const maxText = 16_384

export const cut = (value: string, max: number = maxText): string =>
  value.length <= max ? value : `${value.slice(0, max)}… (${value.length - max} more characters)`

/** A value as one short text: a string as it is, anything else as JSON. */
export function brief(value: unknown, max: number = maxText): string {
  if (typeof value === 'string') return cut(value, max)
  if (value === undefined || value === null) return ''
  return cut(JSON.stringify(value), max)
}
