// The icons. A person recognises a state by its shape before its colour, so those icons are drawn here, on a grid of 16 px; common
// ones come from Lucide. No icon has a name of its own: a button with an icon and no text needs a label.
import {
  Book,
  Check,
  ChevronDown,
  ChevronRight,
  ChevronUp,
  Circle,
  CircleDot,
  Copy,
  Ellipsis,
  ExternalLink,
  Eye,
  File,
  Folder,
  GitBranch,
  GitCommitHorizontal,
  GitPullRequest,
  Keyboard,
  LayoutGrid,
  List,
  Lock,
  type LucideIcon,
  Maximize2,
  MessageSquare,
  Minimize2,
  Minus,
  NotebookText,
  Pencil,
  Play,
  Plus,
  RotateCw,
  Search,
  Settings2,
  Trash,
  Undo2,
  Upload,
  X,
} from 'lucide-react'
import type { ReactNode } from 'react'

const shapes = {
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="M5.75 8h4.5" />
    </>
  ),
  failed: (
    <>
      <path d="M5.4 1.9h5.2l3.5 3.5v5.2l-3.5 3.5H5.4l-3.5-3.5V5.4z" fill="currentColor" stroke="none" />
      <path d="M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2" stroke="var(--surface-1)" strokeWidth="1.75" />
    </>
  ),
  finished: (
    <>
      <circle cx="8" cy="8" r="6.25" fill="currentColor" stroke="none" />
      <path d="M5.2 8.2l2 2 3.7-4.2" stroke="var(--surface-1)" strokeWidth="1.75" />
    </>
  ),
  four: (
    <>
      <rect x="2" y="2.75" width="12" height="10.5" rx="1.25" />
      <path d="M8 3v10M2 8h12" />
    </>
  ),
  installing: (
    <>
      <path d="M8 2.25v7M5 6.5l3 3 3-3M2.5 11v1.75a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1V11" />
    </>
  ),
  interrupted: (
    <>
      <path d="M2.25 8h3.5M10.25 8h3.5M7 4.5l-.75 7M9.75 4.5L9 11.5" />
    </>
  ),
  mark: (
    <>
      <path d="M8 14V8.5M8 14c-2.6 0-4-2.2-4-5V5M8 14c2.6 0 4-2.2 4-5V5M8 6V2M2.5 14h11" />
    </>
  ),
  nine: (
    <>
      <rect x="2" y="2.5" width="12" height="11" rx="1.25" />
      <path d="M6 2.75v10.5M10 2.75v10.5M2 6.2h12M2 9.8h12" />
    </>
  ),
  one: (
    <>
      <rect x="2" y="2.75" width="12" height="10.5" rx="1.25" />
    </>
  ),
  permission: (
    <>
      <rect x="3" y="7" width="10" height="6.5" rx="1.5" />
      <path d="M5.25 7V5a2.75 2.75 0 0 1 5.5 0v2M8 9.6v1.4" />
    </>
  ),
  question: (
    <>
      <path d="M3 3.25h10a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H8.25L5.25 14v-2.75H3a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1z" />
      <path d="M6.6 6.1a1.45 1.45 0 1 1 2 1.35c-.4.2-.6.4-.6.85M8 9.75v.01" />
    </>
  ),
  queued: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="M8 4.75V8l2.25 1.5" />
    </>
  ),
  reviewed: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="M5.5 8.2l1.8 1.8 3.3-3.8" />
    </>
  ),
  shell: (
    <>
      <rect x="1.75" y="2.75" width="12.5" height="10.5" rx="1.5" />
      <path d="M4.5 6l2 2-2 2M8.25 10h3" />
    </>
  ),
  sixteen: (
    <>
      <rect x="2" y="2.5" width="12" height="11" rx="1.25" />
      <path d="M5 2.75v10.5M8 2.75v10.5M11 2.75v10.5M2 5.25h12M2 8h12M2 10.75h12" />
    </>
  ),
  stalled: (
    <>
      <circle cx="8" cy="8" r="5.75" strokeDasharray="2.3 2.2" />
      <path d="M6.6 6.6A1.45 1.45 0 1 1 8.6 8c-.4.2-.6.4-.6.8M8 10.6v.01" />
    </>
  ),
  stop: (
    <>
      <rect x="4" y="4" width="8" height="8" rx="1.25" />
    </>
  ),
  warn: (
    <>
      <path d="M8 2.25L14.5 13.5h-13zM8 6.5v3M8 11.5v.01" />
    </>
  ),
  working: (
    <>
      <circle cx="8" cy="8" r="5.75" opacity=".28" />
      <path d="M8 2.25A5.75 5.75 0 0 1 13.75 8" />
    </>
  ),
} as const satisfies Record<string, ReactNode>

const generic = {
  all: LayoutGrid,
  branch: GitBranch,
  check: Check,
  comment: MessageSquare,
  commit: GitCommitHorizontal,
  copy: Copy,
  demo: Play,
  down: ChevronDown,
  edit: Pencil,
  external: ExternalLink,
  file: File,
  folder: Folder,
  journal: NotebookText,
  key: Keyboard,
  list: List,
  lock: Lock,
  max: Maximize2,
  min: Minimize2,
  minus: Minus,
  more: Ellipsis,
  partly: CircleDot,
  plus: Plus,
  pr: GitPullRequest,
  publish: Upload,
  remove: Trash,
  repo: Book,
  resume: RotateCw,
  reviewmark: Eye,
  right: ChevronRight,
  ring: Circle,
  search: Search,
  settings: Settings2,
  undo: Undo2,
  up: ChevronUp,
  x: X,
} as const satisfies Record<string, LucideIcon>

export type IconName = keyof typeof shapes | keyof typeof generic

interface Props {
  readonly name: IconName
  readonly size?: 12 | 14 | 20 | 40
  readonly turn?: boolean
}

/** One icon of 16 px, or of `size`. Hidden from assistive technology: the text beside it, or the button's label, says it. */
export function Icon({ name, size, turn }: Props) {
  const look = {
    className: 'icon',
    'data-size': size,
    'data-turn': turn || undefined,
    focusable: false,
  }
  if (name in generic) {
    const Drawn = generic[name as keyof typeof generic]
    return <Drawn {...look} data-grid="24" aria-hidden="true" />
  }
  return (
    <svg {...look} viewBox="0 0 16 16" aria-hidden="true">
      {shapes[name as keyof typeof shapes]}
    </svg>
  )
}
