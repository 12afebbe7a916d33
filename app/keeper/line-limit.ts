// How long a line typed into a terminal may be. A program that reads whole lines gets them from the kernel, which holds one line of
// a fixed size and silently drops the rest of a longer one. Node has no tcgetattr; `node:ffi` reaches it.
import { createRequire } from 'node:module'

/** Where a termios has its input and local flags, the bits that matter, and what one line may hold besides its end. */
interface Layout {
  readonly input: number
  readonly local: number
  readonly canonical: number
  readonly line: number
}

// asm-generic/termbits.h, the same on x64 and arm64, where N_TTY_BUF_SIZE is 4096; macOS: sys/termios.h, MAX_CANON.
const layouts: Partial<Record<NodeJS.Platform, Layout>> = {
  linux: { input: 0, local: 12, canonical: 0x2, line: 4095 },
  darwin: { input: 0, local: 24, canonical: 0x100, line: 1023 },
}
const mapsReturn = 0x100

export interface LineLimit {
  /** Bytes that one line may have without its end. */
  readonly bytes: number
  /** Whether a carriage return, the Enter key, ends a line. */
  readonly returnEnds: boolean
}

/** The limit of the terminal behind a master's descriptor; null where it does not read lines, or this system does not say. */
export function lineLimitOf(fd: number): LineLimit | null {
  const layout = layouts[process.platform]
  const termios = Buffer.alloc(256)
  if (!layout || tcgetattr?.(fd, termios) !== 0) return null
  if ((termios.readUInt32LE(layout.local) & layout.canonical) === 0) return null
  return { bytes: layout.line, returnEnds: (termios.readUInt32LE(layout.input) & mapsReturn) !== 0 }
}

type Tcgetattr = (fd: number, into: Buffer) => number

const tcgetattr = layouts[process.platform] ? find() : null

function find(): Tcgetattr | null {
  try {
    const ffi = createRequire(import.meta.url)('node:ffi') as typeof import('node:ffi')
    const { functions } = ffi.dlopen(null, { tcgetattr: { arguments: ['int32', 'buffer'], return: 'int32' } })
    return functions.tcgetattr as unknown as Tcgetattr
  } catch {
    return null
  }
}
