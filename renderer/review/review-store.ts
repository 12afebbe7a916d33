// What the review page shows of one run, and what a person does there: the changes as the host last told them, the patches that were
// fetched, marks, folds, the focus, the comment being written. Truth is the host's: after each change the page asks again.
import { create } from 'zustand'
import type { CommandOutput } from '../../app/contract/commands/index.ts'
import { sentenceOf } from '../../app/contract/sentences.ts'
import type { Comment, Standing } from '../../app/model/comment.ts'
import type { ChangedFile, Scope } from '../../app/model/diff.ts'
import { failureOf } from '../../app/model/failure.ts'
import { call } from '../client/replica.ts'
import { say, sayFailure } from '../parts/toasts.ts'
import { type Built, buildItems, type FilePatch, type HunkReader, linesOf, splitPatch, type Writing } from './items.ts'

type Changes = CommandOutput<'review.changes'>

export interface Review {
  readonly runId: string | null
  readonly scope: Scope
  readonly split: boolean
  readonly wrap: boolean
  readonly ignoreWhitespace: boolean
  readonly unreviewedOnly: boolean
  /** Shows only what is new since the person last looked. */
  readonly unseenOnly: boolean
  readonly changes: Changes | null
  /** Why the changes could not be read, in words; the last ones stay on the page. */
  readonly problem: string | null
  readonly patches: ReadonlyMap<string, FilePatch>
  readonly folds: ReadonlyMap<string, boolean>
  readonly comments: readonly { readonly comment: Comment; readonly standing: Standing | null }[]
  /** The item under the keys: a hunk's, or a file's that is folded. */
  readonly focus: string | null
  readonly writing: Writing | null
  /** Lines that were selected, for a comment. */
  readonly selected: Writing | null
  readonly query: string | null
  readonly built: Built
}

const nothing: Built = { items: [], shown: new Map(), hunks: [] }
const styleKey = 'coppice.review.split'

export const useReview = create<Review>()(() => ({
  runId: null,
  scope: { kind: 'base' },
  split: typeof window !== 'undefined' && localStorage.getItem(styleKey) === 'true',
  wrap: false,
  ignoreWhitespace: false,
  unreviewedOnly: false,
  unseenOnly: false,
  changes: null,
  problem: null,
  patches: new Map(),
  folds: new Map(),
  comments: [],
  focus: null,
  writing: null,
  selected: null,
  query: null,
  built: nothing,
}))

let reader: HunkReader | null = null

/** Gives the store the reader of hunks, which the page brings along: until then nothing is drawn. */
export function drawWith(one: HunkReader): void {
  if (reader) return
  reader = one
  show({})
}

/** Changes what is shown and builds the page's items anew from it. */
function show(change: Partial<Review>): void {
  useReview.setState((before) => {
    const now = { ...before, ...change }
    const built = !reader
      ? nothing
      : buildItems(
          {
            files: now.changes?.files ?? [],
            patches: now.patches,
            folds: now.folds,
            comments: now.comments,
            writing: now.writing,
            unreviewedOnly: now.unreviewedOnly,
            unseenOnly: now.unseenOnly,
          },
          reader,
        )
    reader?.keep(built.items)
    return { ...change, built, focus: focusIn(built, now.focus, before.built) }
  })
}

/** The focus stays where it is; where its item has gone, it moves to the one that took its place. */
function focusIn(built: Built, focus: string | null, before: Built): string | null {
  if (focus !== null && built.shown.has(focus)) return focus
  const place = focus === null ? -1 : before.hunks.indexOf(focus)
  if (place < 0) return built.hunks[0] ?? built.items[0]?.id ?? null
  return built.hunks[Math.min(place, built.hunks.length - 1)] ?? built.items[0]?.id ?? null
}

/** Opens the page on a run: everything that belongs to another one is forgotten. */
export function openReview(runId: string): void {
  if (useReview.getState().runId === runId) return
  show({
    runId,
    scope: { kind: 'base' },
    changes: null,
    problem: null,
    patches: new Map(),
    folds: new Map(),
    comments: [],
    focus: null,
    writing: null,
    selected: null,
    query: null,
    unreviewedOnly: false,
    unseenOnly: false,
  })
}

export const showScope = (scope: Scope): void =>
  show({ scope, changes: null, patches: new Map(), folds: new Map(), focus: null, writing: null, selected: null })

export function setSplit(split: boolean): void {
  show({ split })
  try {
    localStorage.setItem(styleKey, String(split))
  } catch {
    // A full or forbidden storage costs the choice after a reload and nothing else.
  }
}
export const setIgnoreWhitespace = (ignoreWhitespace: boolean): void =>
  show({ ignoreWhitespace, changes: null, patches: new Map() })
export const setUnreviewedOnly = (unreviewedOnly: boolean): void => show({ unreviewedOnly })
export const setUnseenOnly = (unseenOnly: boolean): void => show({ unseenOnly })
export const setWrap = (wrap: boolean): void => show({ wrap })
export const setFocus = (focus: string | null): void => useReview.setState({ focus })
export const setSelected = (selected: Writing | null): void => useReview.setState({ selected })
export const write = (writing: Writing | null): void => show({ writing })
export const setQuery = (query: string | null): void => useReview.setState({ query })

export function fold(id: string, folded: boolean): void {
  show({ folds: new Map(useReview.getState().folds).set(id, folded) })
}

/** Files asked for in one call: few enough that the first ones are there at once, many enough that 2,000 need no 2,000 calls. */
const filesAtOnce = 40

let asking: Promise<void> | null = null
let again = false

/** Asks the host what has changed, then for the patches of the files that are new or different. One question at a time. */
export function refresh(): Promise<void> {
  if (asking) {
    again = true
    return asking
  }
  asking = ask().finally(() => {
    asking = null
    if (!again) return
    again = false
    void refresh()
  })
  return asking
}

async function ask(): Promise<void> {
  const { runId, scope, ignoreWhitespace } = useReview.getState()
  if (runId === null) return
  const same = () => {
    const now = useReview.getState()
    return now.runId === runId && now.scope === scope && now.ignoreWhitespace === ignoreWhitespace
  }
  try {
    const [changes, { comments }] = await Promise.all([
      call('review.changes', { runId, scope, ignoreWhitespace }),
      call('comment.list', { runId }),
    ])
    if (!same()) return
    const before = useReview.getState()
    const patches = new Map([...before.patches].filter(([id]) => isSameFile(before.changes, changes, id)))
    show({ changes, patches, comments, problem: null })
    const missing = changes.files.filter((file) => !patches.has(file.id))
    for (let at = 0; at < missing.length; at += filesAtOnce) {
      const batch = missing.slice(at, at + filesAtOnce)
      const { files } = await call('review.patch', { runId, scope, ignoreWhitespace, paths: batch.map(({ id }) => id) })
      if (!same()) return
      const more = new Map(useReview.getState().patches)
      for (const file of files) more.set(file.id, splitPatch(file))
      show({ patches: more })
    }
  } catch (error) {
    if (same()) show({ problem: sentenceOf(failureOf(error)).message })
  }
}

function isSameFile(before: Changes | null, now: Changes, id: string): boolean {
  const old = before?.files.find((file) => file.id === id)
  const file = now.files.find((one) => one.id === id)
  return old !== undefined && file !== undefined && JSON.stringify(old) === JSON.stringify(file)
}

/** Marks hunks of a file, or all of it where none is named, or takes the marks off. */
export async function mark(file: ChangedFile, hunkIds: readonly string[] | null, reviewed: boolean): Promise<void> {
  const { runId, scope, ignoreWhitespace } = useReview.getState()
  if (runId === null) return
  try {
    const marks = [{ id: file.id, ...(hunkIds ? { hunks: [...hunkIds] } : {}) }]
    await call('review.mark', { runId, scope, ignoreWhitespace, marks, reviewed })
    const { patches } = useReview.getState()
    const patch = patches.get(file.id)
    // The mark shows at once; the counts come with the next answer.
    if (patch) {
      const hunks = patch.hunks.map((hunk) => (!hunkIds || hunkIds.includes(hunk.id) ? { ...hunk, reviewed } : hunk))
      show({ patches: new Map(patches).set(file.id, { ...patch, hunks }) })
    }
    await refresh()
  } catch (error) {
    sayFailure('Not marked', error)
  }
}

/** Tells the host that the person has looked at what is on the page: what comes later is new to them. */
export function markSeen(): void {
  const { runId, scope, ignoreWhitespace, changes } = useReview.getState()
  if (runId === null || !changes || changes.totals.unseen === 0) return
  call('review.seen', { runId, scope, ignoreWhitespace, signature: changes.signature }).catch(() => {
    // It has changed meanwhile: the next look says so.
  })
}

/** Marks the focused hunk, and moves to the next one that is not reviewed. */
export async function markFocused(): Promise<void> {
  const { focus, built } = useReview.getState()
  const shown = focus === null ? undefined : built.shown.get(focus)
  if (!shown) return
  if (shown.kind === 'file') return mark(shown.file, null, shown.file.reviewed < shown.file.hunks)
  const reviewed = !shown.hunk.reviewed
  const next = reviewed ? nextUnreviewed(focus!) : null
  await mark(shown.file, [shown.hunk.id], reviewed)
  if (next) setFocus(next)
}

function nextUnreviewed(from: string): string | null {
  const { built } = useReview.getState()
  const after = built.hunks.slice(built.hunks.indexOf(from) + 1)
  return (
    after.find((id) => {
      const shown = built.shown.get(id)
      return shown?.kind === 'hunk' && !shown.hunk.reviewed
    }) ?? null
  )
}

/** The next or previous change from the focus. */
export function step(by: 1 | -1): void {
  const { built, focus } = useReview.getState()
  const place = focus === null ? -1 : built.hunks.indexOf(focus)
  const to = built.hunks[Math.max(0, Math.min(built.hunks.length - 1, place + by))]
  if (to) setFocus(to)
}

export async function addComment(at: Writing, text: string): Promise<boolean> {
  const { runId } = useReview.getState()
  if (runId === null) return false
  try {
    await call('comment.add', { runId, ...at, quote: [...at.quote], text })
    write(null)
    await refresh()
    return true
  } catch (error) {
    sayFailure('Comment not kept', error)
    return false
  }
}

export async function editComment(commentId: string, text: string): Promise<boolean> {
  const { runId } = useReview.getState()
  if (runId === null) return false
  try {
    await call('comment.edit', { runId, commentId, text })
    await refresh()
    return true
  } catch (error) {
    sayFailure('Comment not changed', error)
    return false
  }
}

export async function dropComment(commentId: string): Promise<void> {
  const { runId } = useReview.getState()
  if (runId === null) return
  try {
    await call('comment.drop', { runId, commentId })
    await refresh()
  } catch (error) {
    sayFailure('Comment not dropped', error)
  }
}

export async function sendComments(): Promise<void> {
  const { runId } = useReview.getState()
  if (runId === null) return
  try {
    const { sent, how } = await call('comment.send', { runId })
    say({
      title: `${sent === 1 ? '1 comment' : `${sent} comments`} sent to the agent.`,
      ...(how === 'next-attempt' ? { text: 'It works on them in its next attempt.' } : {}),
      ms: 6_000,
    })
    await refresh()
  } catch (error) {
    sayFailure('Comments not sent', error)
  }
}

export const waitingComments = (): number =>
  useReview.getState().comments.filter(({ comment }) => comment.sentAt === null).length

/** Opens the form for a comment: on the lines that are selected, else on the first changed line of the focused hunk. */
export function commentHere(): void {
  const { selected, focus, built } = useReview.getState()
  const shown = focus === null ? undefined : built.shown.get(focus)
  if (shown?.kind !== 'hunk') return
  if (selected && selected.path === shown.file.path) {
    write(selected)
    return
  }
  const { hunk, file } = shown
  const side = hunk.newLines > 0 ? 'new' : 'old'
  const first = firstChanged(hunk.text, side, side === 'new' ? hunk.newStart : hunk.oldStart)
  write({ path: file.path, side, start: first, end: first, quote: linesOf(hunk, side, first, first) })
}

/** The number of the first added (or deleted) line of a hunk, or of its first line where none is. */
function firstChanged(text: string, side: 'old' | 'new', start: number): number {
  let at = start
  for (const row of text.split('\n').slice(1)) {
    if (row[0] === (side === 'new' ? '+' : '-')) return at
    if (row[0] === ' ') at++
  }
  return start
}

export function foldFocused(): void {
  const { focus, built } = useReview.getState()
  const shown = focus === null ? undefined : built.shown.get(focus)
  if (shown && focus !== null) fold(focus, !shown.folded)
}
