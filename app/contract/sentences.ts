// Failures and facts as a person reads them, the same in the window and in the CLI: what happened, what did not change, and the
// next step. Pure. Names, paths and git's own words are hostile: they come out as one line of plain text, limited in length, and
// whoever shows them treats them as text. It must not know who shows them, nor what started the call.
import { attentionOf, type Look } from '../model/attention.ts'
import type { ReportItem } from '../model/event.ts'
import type { Failure, FailureCode } from '../model/failure.ts'
import { readDetail } from '../model/failure-detail.ts'
import type { Live, Run } from '../model/run.ts'
import { plainText } from '../model/text/text.ts'
import { bytesText, counted, dateText } from '../model/text/units.ts'
import type { RemovalFact } from './commands/cleanup.ts'
import type { AllFacts } from './failure-words/facts.ts'
import { failureWords } from './failure-words/index.ts'

export interface Sentence {
  /** What happened and what did not change: whole sentences. */
  readonly message: string
  /** What to do now: one sentence, never empty. */
  readonly next: string
}

/** What a person reads about a failure, and what they can do. Never throws, whatever the detail holds. */
export function sentenceOf(failure: Failure): Sentence {
  const [message, next] = Object.hasOwn(failureWords, failure.code)
    ? wordsOf(failure.code, failure)
    : wordsOf('unknown', { ...failure, detail: { ...failure.detail, code: String(failure.code) } })
  return { message, next }
}

function wordsOf<C extends FailureCode>(code: C, failure: Failure): readonly [string, string] {
  return failureWords[code](factsOf(failure))
}

const looks: Readonly<Record<Look, string>> = {
  permission: 'Permission',
  question: 'Question',
  plan: 'Plan',
  limit: 'Limit reached',
  failed: 'Failed',
  stalled: 'Stalled?',
  finished: 'Finished',
  interrupted: 'Interrupted',
  unavailable: 'Unavailable',
  working: 'Working',
  running: 'Running',
  idle: 'Idle',
  preparing: 'Preparing',
  queued: 'Queued',
  shell: 'Shell',
  stopping: 'Stopping',
  stopped: 'Stopped',
  cancelled: 'Cancelled',
  reviewed: 'Reviewed',
  removing: 'Removing',
  removed: 'Removed',
}

/**
 * The word of a run's state at the moment `now`, from its phase, its outcome and its activity: the one that every client shows, in
 * tiles, lists, details, notifications and the CLI's table.
 */
export function stateWord(run: Run, live: Live | undefined, now: number): string {
  return phaseWord(attentionOf(run, live, now).look)
}

/** `stateWord` for whoever has asked what to look at already: the word of a look. */
export function phaseWord(look: Look): string {
  return looks[look]
}

/**
 * What a removal gives back and when: a move into the trash frees nothing by itself. Bytes and milliseconds since 1970;
 * `rebuildableAt: null` where nothing can be rebuilt, `purgeAt: null` where nothing is left in the trash. Where commits exist
 * nowhere else (or that is unknown: null) no day frees the rest, so that none is named.
 */
export function freedSentence(freed: {
  readonly freedNow: number | null
  readonly rebuildableAt: number | null
  readonly rebuildableBytes?: number | null
  readonly purgeAt: number | null
  readonly commitsOnlyHere?: number | null
}): string {
  const now = `${freed.freedNow === null ? 'An unknown amount' : bytesText(freed.freedNow)} freed now.`
  if (freed.purgeAt === null) return `${now} Nothing is left in the trash.`
  const { commitsOnlyHere = 0 } = freed
  const rest =
    commitsOnlyHere === 0
      ? `is deleted on ${dateText(freed.purgeAt)}`
      : `stays until you delete it: ${onlyHereText(commitsOnlyHere)}`
  if (freed.rebuildableAt === null) return `${now} ${freed.freedNow === 0 ? 'It' : 'The rest'} ${rest}.`
  const size = freed.rebuildableBytes == null ? '' : `, ${bytesText(freed.rebuildableBytes)},`
  return `${now} What can be rebuilt${size} is deleted on ${dateText(freed.rebuildableAt)}, the rest ${rest}.`
}

/** Why an entry of the trash is never freed unasked. */
export function onlyHereText(commits: number | null): string {
  if (commits === null) return 'whether its commits exist elsewhere is unknown'
  return `${counted(commits, 'commit exists', 'commits exist')} nowhere else`
}

/** What a removal or a restore did otherwise than one would expect, one sentence each: kept, refused, put elsewhere. */
export function reportSentences(report: readonly ReportItem[]): string[] {
  return report
    .filter(({ result, reason }) => reason !== undefined && ['kept', 'refused', 'restored'].includes(result))
    .map(({ what, result, reason }) => `${plainText(what, 200)} ${result}: ${plainText(reason ?? '', 300)}.`)
}

/** What a restore could not bring back, because the trash had dropped it: "" where nothing is lacking. */
export function lackingSentence(restored: readonly ReportItem[]): string {
  const names = restored.filter(({ result }) => result === 'removed').map(({ what }) => plainText(what, 200))
  if (names.length === 0) return ''
  const more = names.length > 6 ? `, and ${names.length - 6} more` : ''
  return `Needs an install or a build to come back: ${names.slice(0, 6).join(', ')}${more}.`
}

/** One fact of a removal's preview: "2 commits on no remote: a1b2c3d Fix it, and 1 more". Unknown is said, with its reason. */
export function factSentence(fact: RemovalFact): string {
  const names = fact.names.map((name) => plainText(name, 120)).filter((name) => name !== '')
  const more = fact.count === null ? 0 : Math.max(0, fact.count - names.length)
  const list = names.length === 0 ? '' : `: ${names.join(', ')}${more > 0 ? `, and ${more} more` : ''}`
  const why = fact.why ? ` – ${plainText(fact.why, 300)}` : ''
  const text = plainText(fact.text, 300) || fact.kind.replaceAll('-', ' ')
  const bytes = fact.bytes == null ? '' : bytesText(fact.bytes)
  const size = bytes === '' || text.includes(bytes) ? '' : ` (${bytes})`
  if (fact.count === null && !/unknown|could not/i.test(text)) return `${text}: unknown${why}`
  return `${text}${size}${list}${why}`
}

// One reader for all codes: what a code's words may ask for is held by the types of `Facts`.
function factsOf(failure: Failure): AllFacts {
  const detail = readDetail(failure.detail)
  const text = (key: keyof typeof detail, max = 500): string | null => {
    const found = detail[key]
    if (typeof found !== 'string' && typeof found !== 'number') return null
    return plainText(String(found), max) || null
  }
  const number = (key: keyof typeof detail): number | null => {
    const found = detail[key]
    return typeof found === 'number' && Number.isFinite(found) ? found : null
  }
  // Some say the field in the message too; once is enough.
  const message = text('message')?.replace(text('field') ? `${text('field')}: ` : '', '') ?? null
  return {
    text,
    number,
    size(key) {
      const found = number(key)
      return found === null ? null : bytesText(found)
    },
    list(key, between = ', ') {
      const found = detail[key]
      if (!Array.isArray(found)) return ''
      const shown = found.slice(0, 10).map((item) => plainText(String(item), 200))
      return (
        shown.join(between) + (found.length > shown.length ? `${between}and ${found.length - shown.length} more` : '')
      )
    },
    end: message === null ? '.' : `: ${/[.!?…]$/.test(message) ? message : `${message}.`}`,
    undone: detail.undone === true,
    unchanged: failure.stage === undefined ? 'Nothing was changed.' : 'Nothing was created.',
  }
}
