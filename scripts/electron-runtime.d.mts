// What the tests need to know of electron-runtime.mjs, which is plain JavaScript because it runs before anything is built.
export interface Problem {
  readonly why: string
  readonly how: string
}
export function pinnedElectron(): string
export function installedElectron(
  env?: Readonly<Record<string, string | undefined>>,
): { readonly executable: string; readonly version: string; readonly folder: string } | null
export function fetchElectron(
  onProgress?: (had: number, total: number | null) => void,
  options?: { readonly timeoutMs?: number },
): Promise<Problem | null>
export function displayProblem(options?: {
  readonly platform?: string
  readonly env?: Readonly<Record<string, string | undefined>>
}): Problem | null
export function sandboxProblem(options?: {
  readonly platform?: string
  readonly uid?: number | undefined
  readonly executable?: string | null
  readonly read?: (path: string) => string | null
  readonly stat?: (path: string) => { readonly uid: number; readonly mode: number } | null
  readonly list?: (path: string) => readonly string[]
}): Problem | null
export function libraryProblem(options: {
  readonly platform?: string
  readonly executable: string
  readonly ldd?: (executable: string) => string
}): Problem | null
