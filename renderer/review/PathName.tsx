// A file's path: its folders faint, its name strong. A renamed file says where it was.
import { line } from '../parts/words.ts'

export function PathName({ path, from }: { path: string; from: string | null }) {
  const at = path.lastIndexOf('/')
  return (
    <span className="path-name cut" title={from ? `${line(from, 1000)} → ${line(path, 1000)}` : line(path, 1000)}>
      {from && from !== path && <span className="faint">{line(from, 300)} → </span>}
      <span className="faint">{line(path.slice(0, at + 1), 300)}</span>
      <b>{line(path.slice(at + 1), 200)}</b>
    </span>
  )
}
