// The icons: 16 px silhouettes drawn with one stroke, so that a state is known by its shape before its colour. They carry no
// name of their own; whoever uses one beside no text gives the button a label.
import type { ReactNode } from 'react'

const shapes = {
  all: (
    <>
      <rect x="2" y="2" width="5" height="5" rx="1" />
      <rect x="9" y="2" width="5" height="5" rx="1" />
      <rect x="2" y="9" width="5" height="5" rx="1" />
      <rect x="9" y="9" width="5" height="5" rx="1" />
    </>
  ),
  branch: (
    <>
      <circle cx="4.5" cy="3.5" r="1.5" />
      <circle cx="4.5" cy="12.5" r="1.5" />
      <circle cx="11.5" cy="5.5" r="1.5" />
      <path d="M4.5 5v6M11.5 7c0 2.5-2.5 2.75-5 3.5" />
    </>
  ),
  cancelled: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="M5.75 8h4.5" />
    </>
  ),
  check: (
    <>
      <path d="M3.25 8.5l3 3 6.5-7" />
    </>
  ),
  commit: (
    <>
      <circle cx="8" cy="8" r="2.5" />
      <path d="M1.75 8H5.5M10.5 8h3.75" />
    </>
  ),
  copy: (
    <>
      <rect x="5.25" y="5.25" width="8.5" height="8.5" rx="1.25" />
      <path d="M3.25 10.75h-.5a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1h7a1 1 0 0 1 1 1v.5" />
    </>
  ),
  demo: (
    <>
      <path d="M5 3.25v9.5L12.5 8z" />
    </>
  ),
  down: (
    <>
      <path d="M3.75 6L8 10.25 12.25 6" />
    </>
  ),
  edit: (
    <>
      <path d="M3 13l.6-2.9L10.9 2.8a1.2 1.2 0 0 1 1.7 0l.6.6a1.2 1.2 0 0 1 0 1.7L5.9 12.4z" />
    </>
  ),
  external: (
    <>
      <path d="M9 2.5h4.5V7M13.25 2.75L7.5 8.5M11.5 9v3.5a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1H7" />
    </>
  ),
  failed: (
    <>
      <path d="M5.4 1.9h5.2l3.5 3.5v5.2l-3.5 3.5H5.4l-3.5-3.5V5.4z" fill="currentColor" stroke="none" />
      <path d="M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2" stroke="var(--surface-1)" strokeWidth="1.75" />
    </>
  ),
  file: (
    <>
      <path d="M4 1.75h5.25L12.5 5v8.25a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V2.75a1 1 0 0 1 1-1zM9 2v3.25h3.25" />
    </>
  ),
  finished: (
    <>
      <circle cx="8" cy="8" r="6.25" fill="currentColor" stroke="none" />
      <path d="M5.2 8.2l2 2 3.7-4.2" stroke="var(--surface-1)" strokeWidth="1.75" />
    </>
  ),
  folder: (
    <>
      <path d="M1.75 4.25a1 1 0 0 1 1-1h3l1.5 1.75h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H2.75a1 1 0 0 1-1-1z" />
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
  journal: (
    <>
      <path d="M4 2h8.5v12H4a1.5 1.5 0 0 1-1.5-1.5v-9A1.5 1.5 0 0 1 4 2zM5.5 5.25h4.5M5.5 8h4.5M5.5 10.75h2.5" />
    </>
  ),
  key: (
    <>
      <circle cx="5.25" cy="10.75" r="2.75" />
      <path d="M7.25 8.75l5.5-5.5M10.75 5.25l2 2M8.75 7.25l1.25 1.25" />
    </>
  ),
  list: (
    <>
      <path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4v.01M2.5 8v.01M2.5 12v.01" />
    </>
  ),
  lock: (
    <>
      <rect x="3.5" y="7" width="9" height="6.5" rx="1.25" />
      <path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2" />
    </>
  ),
  mark: (
    <>
      <path d="M8 14V8.5M8 14c-2.6 0-4-2.2-4-5V5M8 14c2.6 0 4-2.2 4-5V5M8 6V2M2.5 14h11" />
    </>
  ),
  max: (
    <>
      <path d="M9.5 2.5h4v4M6.5 13.5h-4v-4M13.25 2.75L9.25 6.75M2.75 13.25l4-4" />
    </>
  ),
  min: (
    <>
      <path d="M13.5 6.5h-4v-4M2.5 9.5h4v4M9.75 6.25l3.75-3.75M6.25 9.75L2.5 13.5" />
    </>
  ),
  minus: (
    <>
      <path d="M3.5 8h9" />
    </>
  ),
  more: (
    <>
      <path d="M3.5 8v.01M8 8v.01M12.5 8v.01" strokeWidth="2" />
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
  plus: (
    <>
      <path d="M8 3v10M3 8h10" />
    </>
  ),
  pr: (
    <>
      <circle cx="4" cy="3.5" r="1.5" />
      <circle cx="4" cy="12.5" r="1.5" />
      <circle cx="12" cy="12.5" r="1.5" />
      <path d="M4 5v6M12 11V6.5a2 2 0 0 0-2-2H7.5M9.25 2.5l-2 2 2 2" />
    </>
  ),
  publish: (
    <>
      <path d="M8 10.5v-8M5 5.25l3-3 3 3M2.5 10.5v2.25a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1V10.5" />
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
  remove: (
    <>
      <path d="M2.5 4h11M6.25 4V2.5h3.5V4M4 4l.6 8.75a1 1 0 0 0 1 .95h4.8a1 1 0 0 0 1-.95L12 4" />
    </>
  ),
  repo: (
    <>
      <path d="M3.5 12.5v-9a1.5 1.5 0 0 1 1.5-1.5h7.5v9H5a1.5 1.5 0 0 0 0 3h7.5v-3" />
    </>
  ),
  resume: (
    <>
      <path d="M12.9 6.2A5.25 5.25 0 1 0 13.25 8M13.25 2.75v3.5h-3.5" />
    </>
  ),
  reviewed: (
    <>
      <circle cx="8" cy="8" r="5.75" />
      <path d="M5.5 8.2l1.8 1.8 3.3-3.8" />
    </>
  ),
  reviewmark: (
    <>
      <path d="M1.75 8S4 3.75 8 3.75 14.25 8 14.25 8 12 12.25 8 12.25 1.75 8 1.75 8z" />
      <circle cx="8" cy="8" r="1.9" />
    </>
  ),
  search: (
    <>
      <circle cx="7" cy="7" r="4.25" />
      <path d="M10.25 10.25L13.5 13.5" />
    </>
  ),
  settings: (
    <>
      <path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6" />
      <circle cx="10" cy="4.5" r="1.75" />
      <circle cx="6" cy="11.5" r="1.75" />
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
  undo: (
    <>
      <path d="M5.5 3L2.5 6l3 3M2.75 6H9.5a4 4 0 0 1 0 8H6" />
    </>
  ),
  up: (
    <>
      <path d="M3.75 10L8 5.75 12.25 10" />
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
  x: (
    <>
      <path d="M4 4l8 8M12 4l-8 8" />
    </>
  ),
} as const satisfies Record<string, ReactNode>

export type IconName = keyof typeof shapes

/** One icon of 16 px, or of `size`. Hidden from assistive technology: the text beside it, or the button's label, says it. */
export function Icon({ name, size, turn }: { name: IconName; size?: 12 | 14 | 20 | 40; turn?: boolean }) {
  return (
    <svg
      className="icon"
      data-size={size}
      data-turn={turn || undefined}
      viewBox="0 0 16 16"
      aria-hidden="true"
      focusable="false"
    >
      {shapes[name]}
    </svg>
  )
}
