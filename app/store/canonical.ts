// One spelling for each value, so that its hash means something: keys sorted by code unit, no spaces, no undefined. The hash chain,
// the audit export and the hash of a command's input all use it. It does not know what the values mean.
import { createHash } from 'node:crypto'

/** JSON with sorted keys (the shape of RFC 8785 for what the journal holds: strings, finite numbers, booleans, null). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null)
  const parts = Object.keys(value)
    .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Record<string, unknown>)[key])}`)
  return `{${parts.join(',')}}`
}

/** SHA-256 in lower-case hex. */
export const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex')
