export const libraryName: string
export function provideLibrary(node: string, places: { readonly library: string; readonly directory: string }): string
export function withRunPath(binary: Buffer): Buffer
