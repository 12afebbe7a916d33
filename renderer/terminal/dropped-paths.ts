// The paths of files dropped on a terminal, as the person would have typed them. Pure.

/** The paths as words of a command line; null where one holds characters that a terminal would act on. */
export function quotedPaths(paths: readonly string[], windows: boolean): string | null {
  if (paths.some((path) => /[\u0000-\u001f\u007f-\u009f]/.test(path))) return null
  return paths.map((path) => (windows ? quotedForWindows(path) : quoted(path))).join(' ')
}

const quoted = (path: string) => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

// A path on Windows holds no double quote.
const quotedForWindows = (path: string) => (/^[\w@+=:,.\\/-]+$/.test(path) ? path : `"${path}"`)
