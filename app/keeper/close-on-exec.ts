// Keeps one session's terminal out of the next session's hands. node-pty 1.1.0 leaves the master of every pty inheritable on Linux
// (microsoft/node-pty#657). A later agent would hold the terminals of the earlier ones, could read and type there, and would keep
// them from being hung up. Node has no fcntl, but `node:ffi` (on by default in 26) reaches ioctl(FIOCLEX), which takes no third
// argument and is the same on every Linux. On macOS node-pty spawns with POSIX_SPAWN_CLOEXEC_DEFAULT.
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'

// asm-generic/ioctls.h; x64 and arm64 have it alike.
const FIOCLEX = 0x5451n

type Ioctl = (fd: number, request: bigint) => number

/** Marks a descriptor so that programs started later do not inherit it. False where this system gives no way to do so. */
export function closeOnExec(fd: number): boolean {
  return process.platform !== 'linux' || ioctl?.(fd, FIOCLEX) === 0
}

/** The same for all that this process was itself started with, beyond the standard three. */
export function closeInheritedOnExec(): void {
  if (process.platform !== 'linux') return
  for (const name of readdirSync('/proc/self/fd')) if (Number(name) > 2) closeOnExec(Number(name))
}

const ioctl = process.platform === 'linux' ? findIoctl() : null

function findIoctl(): Ioctl | null {
  try {
    const ffi = createRequire(import.meta.url)('node:ffi') as typeof import('node:ffi')
    const { functions } = ffi.dlopen(null, { ioctl: { arguments: ['int32', 'uint64'], return: 'int32' } })
    return functions.ioctl as Ioctl
  } catch {
    return null
  }
}
