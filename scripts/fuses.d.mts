// What the tests need to know of fuses.mjs.
import type { FuseV1Options } from '@electron/fuses'

export const fuses: Readonly<Record<FuseV1Options, boolean>>
export function throwFuses(executable: string, options?: { readonly leave?: readonly FuseV1Options[] }): Promise<void>
