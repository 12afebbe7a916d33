// A run's title in one line. Copies of one prompt differ only at the end of their titles, so the number stays when the rest is cut.
import { line } from './words.ts'
import './run-title.css'

export function RunTitle({ title, max = 120 }: { title: string; max?: number }) {
  const [, base, copy] = /^(.*\S)( · \d+(?: of \d+)?)$/s.exec(title) ?? []
  if (base === undefined || copy === undefined) return line(title, max)
  return (
    <span className="run-title">
      <span className="cut">{line(base, max)}</span>
      <span className="copy">{copy}</span>
    </span>
  )
}
