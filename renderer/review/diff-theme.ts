// How diffs are coloured: the syntax theme is made of the tokens of styles/tokens.css, so one theme serves dark and light, and the
// highlighter runs in a worker of its own.
import { registerCustomCSSVariableTheme } from '@pierre/diffs'

export const diffTheme = 'coppice'

registerCustomCSSVariableTheme(diffTheme, {
  foreground: 'var(--text)',
  background: 'var(--surface-1)',
  'token-comment': 'var(--text-faint)',
  'token-string': 'var(--term-green)',
  'token-string-expression': 'var(--term-green)',
  'token-constant': 'var(--term-yellow)',
  'token-keyword': 'var(--term-magenta)',
  'token-parameter': 'var(--text)',
  'token-function': 'var(--term-blue)',
  'token-punctuation': 'var(--text-muted)',
  'token-link': 'var(--accent)',
})

/** One worker: a second one would take the processor from the agents. */
export const poolOptions = {
  poolSize: 1,
  workerFactory: () =>
    new Worker(new URL('@pierre/diffs/worker/worker-portable.js', import.meta.url), { type: 'module' }),
}

export const highlighterOptions = { theme: diffTheme, preferredHighlighter: 'shiki-js' as const }

/**
 * Rules inside the shadow root of each diff. The colours of changed lines are said again here because the library mixes them with
 * functions of CSS (light-dark, color-mix) that Chromium 108 does not have.
 */
export const diffCss = `
[data-line-type="change-addition"]:is([data-line], [data-no-newline], [data-column-number], [data-gutter-buffer]) { background-color: var(--diff-add-bg); }
[data-line-type="change-deletion"]:is([data-line], [data-no-newline], [data-column-number], [data-gutter-buffer]) { background-color: var(--diff-del-bg); }
[data-line-type="change-addition"] [data-diff-span] { background-color: var(--diff-add-word); }
[data-line-type="change-deletion"] [data-diff-span] { background-color: var(--diff-del-word); }
[data-selected-line] { background-color: var(--surface-selected) !important; }
[data-gutter] { align-content: start; }
[data-column-number] { cursor: pointer; }
`
