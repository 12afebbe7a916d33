// A failure's detail, made safe to show and typed by its code; the words of failures are built from it. A value that has the wrong
// type, is empty or is absent is null here, so a sentence needs no other check. It holds only the few words that many sentences
// share.
import type { DetailKey, FailureCode, FailureDetail } from '../../model/failure-detail.ts'

/** The keys, of whatever code, that hold a T. */
type KeyFor<T> = {
  [K in keyof FailureDetail]-?: Extract<NonNullable<FailureDetail[K]>, T> extends never ? never : K
}[keyof FailureDetail]
type TextKey = KeyFor<string>
type NumberKey = KeyFor<number>
type ListKey = KeyFor<readonly string[]>

export interface Facts<C extends FailureCode> {
  /** The detail as one line of plain text, or null where it is absent or empty. */
  readonly text: (key: DetailKey<C> & TextKey, max?: number) => string | null
  readonly number: (key: DetailKey<C> & NumberKey) => number | null
  /** The number as a size: "1.2 GB". */
  readonly size: (key: DetailKey<C> & NumberKey) => string | null
  /** The first few as one line, "" where there are none. */
  readonly list: (key: DetailKey<C> & ListKey, between?: string) => string
  /** ": <message>." or ".", to end a sentence with the system's own words. */
  readonly end: string
  /** True where a create failed and all that it had made has been taken back. */
  readonly undone: boolean
  /** "Nothing was created." while a run is being made, else "Nothing was changed." */
  readonly unchanged: string
}

/** What can be read of a failure of any code. */
export interface AllFacts extends Omit<Facts<never>, 'text' | 'number' | 'size' | 'list'> {
  readonly text: (key: TextKey, max?: number) => string | null
  readonly number: (key: NumberKey) => number | null
  readonly size: (key: NumberKey) => string | null
  readonly list: (key: ListKey, between?: string) => string
}

export type Words<C extends FailureCode> = (d: Facts<C>) => readonly [message: string, next: string]
export type WordsOf<Codes extends FailureCode> = { readonly [C in Codes]: Words<C> }

type Has<K extends string> = { readonly text: (key: K) => string | null }

export const run = (d: Has<'id'>): string => (d.text('id') ? `Run ${d.text('id')}` : 'The run')
export const at = (d: Has<'path'>): string => (d.text('path') ? ` at ${d.text('path')}` : '')
export const within = (d: { readonly number: (key: 'seconds') => number | null }): string =>
  d.number('seconds') === null ? '' : ` within ${d.number('seconds')} s`

export function exit(d: Has<'exit'>): string {
  const code = d.text('exit')
  if (code === null) return ''
  return /^\d+$/.test(code) ? ` (exit ${code})` : ` (ended by ${code})`
}

/** What the system said itself, ": <message>." or ".", where that is more than the exit which is named already. */
export function ownReason(d: Has<'exit'> & { readonly end: string }): string {
  const code = d.text('exit')
  return code !== null && [`: exit ${code}.`, `: ended by ${code}.`].includes(d.end) ? '.' : d.end
}
