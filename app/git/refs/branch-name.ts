// Which branch names Coppice makes and accepts: git's own rules (git-check-ref-format(1)) and a few of ours, for names that
// travel through terminals, file systems and forges. Pure, and checked against git itself by a property test.

/** Loose refs are files: 255 bytes at most with ".lock" and a suffix; 200 leaves room for both. */
const maxBytes = 200

/**
 * Why a branch may not be called that, as the end of a sentence ("a branch name …"), or null where it may.
 * Stricter than git: no invisible, control or space characters of any script, no "@" alone, 200 bytes at most.
 */
export function branchNameProblem(name: string): string | null {
  if (name === '') return 'may not be empty'
  if (Buffer.byteLength(name) > maxBytes) return `may be ${maxBytes} bytes long at most`
  if (!name.isWellFormed()) return 'must be proper Unicode'
  if (name.startsWith('-')) return 'may not begin with "-"'
  if (name === '@' || name === 'HEAD') return `may not be "${name}"`
  // C: control, format (bidirectional marks, zero-width), private and unassigned characters; Z: every kind of space.
  if (/[\p{C}\p{Z}]/u.test(name)) return 'may not hold spaces, control or invisible characters'
  const forbidden = /[~^:?*[\\]/.exec(name)
  if (forbidden) return `may not hold "${forbidden[0]}"`
  if (name.includes('..')) return 'may not hold ".."'
  if (name.includes('@{')) return 'may not hold "@{"'
  if (name.startsWith('/') || name.endsWith('/') || name.includes('//'))
    return 'may not begin or end with "/" or hold "//"'
  if (name.endsWith('.')) return 'may not end with "."'
  for (const part of name.split('/')) {
    if (part.startsWith('.')) return 'may not have a part that begins with "."'
    if (part.toLowerCase().endsWith('.lock')) return 'may not have a part that ends with ".lock"'
  }
  return null
}

/** The form in which two names are the same: file systems fold case and normalise. */
export function foldName(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

/**
 * The first of wanted, wanted-2, wanted-3 … that is none of `taken`, neither by case nor as a folder of one (a and a/b exclude
 * each other). Where a folder of the wanted name is itself a branch, that folder gets the number.
 */
export function firstFreeName(wanted: string, taken: Iterable<string>): string {
  const names = new Set<string>()
  const folders = new Set<string>()
  for (const name of taken) {
    const folded = foldName(name)
    names.add(folded)
    for (let end = folded.indexOf('/'); end >= 0; end = folded.indexOf('/', end + 1)) folders.add(folded.slice(0, end))
  }
  const parts = wanted.split('/')
  let path = ''
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1
    for (let n = 1; ; n++) {
      const name = path + (n === 1 ? part : withNumber(part, n))
      const folded = foldName(name)
      if (names.has(folded) || (last && folders.has(folded))) continue
      path = last ? name : `${name}/`
      break
    }
  }
  return path
}

function withNumber(part: string, n: number): string {
  return `${part}-${n}`
}
