// Every forge that Coppice knows, and which of them a remote is on.
import type { Forge } from './forge.ts'
import { github } from './github.ts'

/** The most particular first: GitHub takes every address that a browser could open. */
const forges: readonly Forge[] = [github]

/** The forge that serves a remote, or null where its address leads to none. */
export const forgeOf = (remoteUrl: string): Forge | null => forges.find((forge) => forge.serves(remoteUrl)) ?? null
