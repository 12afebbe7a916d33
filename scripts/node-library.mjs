// Lets the pinned Node start on Linux systems without libatomic.so.1. Official Node binaries are linked with it since 25
// (nodejs/node#60484) and use one function of it; minimal Debian, Ubuntu and Fedora images do not have it. A copy of the binary is
// told to look for the library beside itself, where the one from resources/libatomic is put. No variable is set, and nothing is
// installed.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const libraryName = 'libatomic.so.1'

/** Makes the copy of `node` in `directory`, with `library` beside it, once; gives its path. Throws where that cannot be done. */
export function provideLibrary(node, { library, directory }) {
  const copy = join(directory, 'node')
  if (existsSync(copy) && statSync(copy).mtimeMs >= statSync(node).mtimeMs) return copy
  mkdirSync(directory, { recursive: true })
  copyFileSync(library, join(directory, libraryName))
  const license = join(dirname(node), '../LICENSE')
  if (existsSync(license)) copyFileSync(license, join(directory, '../LICENSE'))
  // Whole or not at all, also with two starts at once.
  const half = `${copy}.${process.pid}`
  writeFileSync(half, withRunPath(readFileSync(node)), { mode: 0o755 })
  renameSync(half, copy)
  return copy
}

const PT_LOAD = 1
const PT_DYNAMIC = 2
const DT_STRTAB = 5n
const DT_STRSZ = 10n
const DT_RPATH = 15n
const DT_DEBUG = 21n
const DT_RUNPATH = 29n

const runPath = Buffer.from('$ORIGIN\0')
/** Names of constants that only debuggers of V8 look up: one of them gives its place to the path. */
const donorPrefix = Buffer.from('\0v8dbg_')

/**
 * An ELF64 little-endian executable with DT_RUNPATH=$ORIGIN (System V ABI, "Dynamic Section"). Nothing grows or moves: the entry
 * takes the place of DT_DEBUG, which only debuggers read, and the string that of a name in the table of dynamic symbols.
 */
export function withRunPath(binary) {
  if (binary.readUInt32BE(0) !== 0x7f454c46 || binary[4] !== 2 || binary[5] !== 1)
    throw new Error('it is no ELF64 file')
  const headers = Array.from({ length: binary.readUInt16LE(56) }, (_, n) => {
    const at = Number(binary.readBigUInt64LE(32)) + n * binary.readUInt16LE(54)
    const word = (offset) => Number(binary.readBigUInt64LE(at + offset))
    return { type: binary.readUInt32LE(at), offset: word(8), address: word(16), size: word(32) }
  })
  const dynamic = headers.find(({ type }) => type === PT_DYNAMIC)
  if (!dynamic) throw new Error('it is not linked dynamically')
  const entries = new Map()
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    entries.set(binary.readBigUInt64LE(at), { at, value: Number(binary.readBigUInt64LE(at + 8)) })
  }
  const place = entries.get(DT_DEBUG)
  const table = entries.get(DT_STRTAB)?.value
  const length = entries.get(DT_STRSZ)?.value
  const segment = headers.find(
    ({ type, address, size }) => type === PT_LOAD && table >= address && table < address + size,
  )
  if (!place || !segment || !length || entries.has(DT_RUNPATH) || entries.has(DT_RPATH))
    throw new Error('its dynamic section is not the one expected')
  const strings = table - segment.address + segment.offset
  const found = binary.subarray(strings, strings + length).indexOf(donorPrefix)
  if (found < 0) throw new Error('its symbols are not the ones expected')
  const donor = found + 1
  const result = Buffer.from(binary)
  runPath.copy(result, strings + donor)
  result.writeBigUInt64LE(DT_RUNPATH, place.at)
  result.writeBigUInt64LE(BigInt(donor), place.at + 8)
  return result
}
