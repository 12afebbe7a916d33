// The changed lines: one long page of files and hunks, of which only what is in view is drawn. It knows how to show items and to
// tell where the person clicked; what is shown, marked and written is decided by review-store.
import type { CodeViewItem, SelectedLineRange } from '@pierre/diffs'
import { CodeView, type CodeViewHandle, WorkerPoolContextProvider } from '@pierre/diffs/react'
import { type Ref, useMemo } from 'react'
import { diffCss, diffTheme, highlighterOptions, poolOptions } from './diff-theme.ts'
import { FileHead } from './FileHead.tsx'
import { HunkHead } from './HunkHead.tsx'
import type { Built, Note } from './items.ts'
import { NoteCard } from './NoteCard.tsx'
import './diff-pane.css'

export type DiffHandle = CodeViewHandle<Note, undefined>

/** Heights in pixels; they are the same as in diff-pane.css, so that what is not drawn yet is measured right. */
const metrics = {
  diffHeaderHeight: 32,
  lineHeight: 20,
  hunkSeparatorHeight: 0,
  spacing: 0,
  paddingTop: 0,
  paddingBottom: 0,
}

type Lines = [itemId: string, side: 'old' | 'new', start: number, end: number]

const linesIn = (itemId: string, range: SelectedLineRange): Lines => [
  itemId,
  range.side === 'deletions' ? 'old' : 'new',
  Math.min(range.start, range.end),
  Math.max(range.start, range.end),
]

interface Props {
  readonly built: Built
  readonly split: boolean
  readonly wrap: boolean
  readonly pane: Ref<DiffHandle>
  /** The person selected lines, or let go of them (null). */
  onSelect(...lines: Lines | [null]): void
  /** The person wants to comment on lines. */
  onComment(...lines: Lines): void
}

export function DiffPane({ built, split, wrap, pane, onSelect, onComment }: Props) {
  const options = useMemo(
    () => ({
      theme: diffTheme,
      preferredHighlighter: 'shiki-js' as const,
      diffStyle: split ? ('split' as const) : ('unified' as const),
      overflow: wrap ? ('wrap' as const) : ('scroll' as const),
      hunkSeparators: 'simple' as const,
      diffIndicators: 'classic' as const,
      lineDiffType: 'word-alt' as const,
      stickyHeaders: true,
      itemMetrics: metrics,
      layout: { paddingTop: 0, paddingBottom: 48, gap: 0 },
      enableLineSelection: true,
      unsafeCSS: diffCss,
      enableGutterUtility: true,
      onGutterUtilityClick(range: SelectedLineRange, context: { readonly item: CodeViewItem<Note> }) {
        onComment(...linesIn(context.item.id, range))
      },
    }),
    [split, wrap, onComment],
  )
  return (
    <WorkerPoolContextProvider poolOptions={poolOptions} highlighterOptions={highlighterOptions}>
      <CodeView<Note>
        ref={pane}
        className="diff-pane"
        items={built.items}
        options={options}
        onSelectedLinesChange={(selection) =>
          selection ? onSelect(...linesIn(selection.id, selection.range)) : onSelect(null)
        }
        renderCustomHeader={(item) => <Head item={item} built={built} />}
        renderAnnotation={(...[annotation]) => <NoteCard note={annotation.metadata} />}
      />
    </WorkerPoolContextProvider>
  )
}

function Head({ item, built }: { item: CodeViewItem<Note>; built: Built }) {
  const shown = built.shown.get(item.id)
  if (!shown) return null
  return shown.kind === 'file' ? <FileHead id={item.id} {...shown} /> : <HunkHead id={item.id} {...shown} />
}
