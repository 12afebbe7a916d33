// The output of one stream: its last `capBytes` bytes, addressed by the absolute offset of each byte since the session began. It
// promises that `append` never waits and never throws, that what can be read is one unbroken range that ends at the last appended
// byte, and that a full or slow disk costs old bytes, never new ones and never the session. The newest bytes are in memory; a file
// writer follows a moment later. It knows no sessions and no sockets.
import { mkdirSync } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { readSegment, type Segment, segmentName } from './spool-disk.ts'

export interface SpoolOptions {
  readonly directory: string
  /** The start of the segment files' names. */
  readonly stream: string
  /**
   * Bytes kept, at least 256 KiB; up to a segment fewer right after one was dropped. Default 16 MiB: a pty floods at up to
   * 190 MB/s, so a spool without a cap fills a disk in seconds.
   */
  readonly capBytes?: number
  /** Bytes per file, at most a quarter of the cap. Default 1 MiB. */
  readonly segmentBytes?: number
}

/** `at` is beyond the offset that was asked for where what lay between has been dropped. Empty at the end of the stream. */
export interface SpoolRead {
  readonly at: number
  readonly bytes: Buffer
}

const MIB = 1024 * 1024
// Memory is kept in blocks that are written once and never moved, so that a reader can be given a view of them.
const BLOCK = 64 * 1024
// Bytes kept in memory although they are on disk, so that a reader who follows live never touches the disk.
const RECENT = 512 * 1024
// Bytes kept in memory at most while the disk refuses them. (A disk that is merely slow may owe the whole cap.)
const REFUSED_CAP = 4 * MIB
// How long bytes wait for company before they are written; what a killed keeper can lose.
const LAZY_MS = 25
// From here on they wait no longer; also the largest single write.
const EAGER = 512 * 1024
// How long a disk that refused is left alone.
const RETRY_MS = 2000

export class Spool {
  readonly #options: SpoolOptions
  readonly #cap: number
  readonly #segmentBytes: number
  readonly #eager: number
  readonly #blocks: Buffer[] = []
  /** The offset of the first block's first byte. */
  #memoryStart = 0
  #end = 0
  /** Everything before this offset is in a segment, or dropped. Segments end exactly here. */
  #written = 0
  #segments: { start: number; length: number }[] = []
  #file: FileHandle | null = null
  #writer: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #problem: string | null = null
  #closed = false

  constructor(options: SpoolOptions) {
    this.#options = options
    this.#cap = Math.max(options.capBytes ?? 16 * MIB, MIB / 4)
    this.#segmentBytes = Math.min(options.segmentBytes ?? MIB, this.#cap / 4)
    this.#eager = Math.min(EAGER, this.#cap / 4)
    try {
      // Not `recursive`: where mkdir says ENOENT below a directory that exists (/proc), Node 26 then tries for ever.
      mkdirSync(options.directory, { mode: 0o700 })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') this.#problem = codeOf(error)
    }
  }

  /** The offset after the last byte: how many bytes there have been. */
  get end(): number {
    return this.#end
  }

  /** The offset of the first byte that can still be read. */
  get first(): number {
    if (this.#memoryStart > this.#written) return this.#memoryStart
    return this.#segments[0]?.start ?? this.#memoryStart
  }

  /** Why bytes are not on disk; null where they are. */
  get problem(): string | null {
    return this.#problem
  }

  append(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const within = (this.#end - this.#memoryStart) % BLOCK
      if (within === 0 && this.#end - this.#memoryStart === this.#blocks.length * BLOCK)
        this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK))
      const part = bytes.subarray(from, from + BLOCK - within)
      this.#blocks.at(-1)!.set(part, within)
      this.#end += part.length
      from += part.length
    }
    this.#trimMemory()
    this.#writeSoon()
  }

  /**
   * Up to `max` bytes from offset `from` on: at once where they are in memory, else a promise. May be fewer than there are.
   * Never rejects: what cannot be read from disk any more counts as dropped.
   */
  read(from: number, max: number): SpoolRead | Promise<SpoolRead> {
    const at = Math.max(from, this.first)
    if (at >= this.#end) return { at: Math.max(from, this.#end), bytes: Buffer.alloc(0) }
    if (at < this.#memoryStart) return this.#readDisk(at, max)
    const within = (at - this.#memoryStart) % BLOCK
    const block = this.#blocks[(at - this.#memoryStart - within) / BLOCK]!
    return { at, bytes: block.subarray(within, within + Math.min(max, BLOCK - within, this.#end - at)) }
  }

  /** Resolves when all bytes are on disk, or the disk has refused them. */
  async flush(): Promise<void> {
    this.#startWriter()
    await this.#writer
  }

  /** Flushes and lets go of files and memory; what is on disk can still be read. `append` must not be called any more. */
  async close(): Promise<void> {
    this.#closed = true
    await this.flush()
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    await this.#closeFile()
    if (this.#written < this.#end) return
    this.#blocks.length = 0
    this.#memoryStart = this.#end
  }

  async #readDisk(at: number, max: number): Promise<SpoolRead> {
    const segment = this.#segments.findLast(({ start }) => start <= at)
    if (segment) {
      const bytes = await readSegment(this.#pathOf(segment), at - segment.start, Math.min(max, segment.length))
      const inside = bytes?.subarray(0, Math.max(0, segment.start + segment.length - at))
      if (inside && inside.length > 0) return { at, bytes: inside }
    }
    // The segment has been dropped while it was opened, or the file is gone: go on from where there is something.
    const next = this.#segments.find(({ start }) => start > at)?.start ?? this.#memoryStart
    return this.read(Math.max(next, this.first), max)
  }

  /** Drops whole blocks from the front: those that are written and not recent, and the oldest of all beyond the cap. */
  #trimMemory(): void {
    const cap = this.#problem ? Math.min(REFUSED_CAP, this.#cap) : this.#cap
    for (;;) {
      const next = this.#memoryStart + BLOCK
      if (this.#blocks.length === 0 || next > this.#end) return
      const spare = next <= this.#written && this.#end - next >= RECENT
      if (!spare && this.#end - this.#memoryStart <= cap) return
      this.#blocks.shift()
      this.#memoryStart = next
    }
  }

  #writeSoon(): void {
    if (this.#writer || (this.#problem && this.#timer)) return
    if (this.#end - this.#written >= this.#eager && !this.#problem) this.#startWriter()
    else this.#timer ??= setTimeout(() => this.#startWriter(), this.#problem ? RETRY_MS : LAZY_MS)
  }

  #startWriter(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#writer ??= this.#write().then(() => {
      this.#writer = null
      if (this.#written < this.#end && !this.#closed) this.#writeSoon()
    })
  }

  /** Writes until nothing is left or the disk refuses. Never rejects. The only place that changes segments. */
  async #write(): Promise<void> {
    try {
      while (this.#written < this.#end) {
        if (this.#memoryStart > this.#written) await this.#dropSegments()
        const segment = await this.#openSegment()
        // Memory may have run over while the file was opened.
        if (this.#memoryStart > this.#written) continue
        const batch = this.#unwritten(Math.min(this.#segmentBytes - segment.length, this.#eager))
        const { bytesWritten } = await this.#file!.writev(batch, segment.length)
        if (bytesWritten === 0) throw Object.assign(new Error('The disk took nothing'), { code: 'EIO' })
        segment.length += bytesWritten
        this.#written += bytesWritten
        this.#problem = null
        this.#trimMemory()
        while (this.#written - this.#segments[0]!.start > this.#cap && this.#segments.length > 1)
          await unlink(this.#pathOf(this.#segments.shift()!)).catch(ignore)
      }
    } catch (error) {
      this.#problem = codeOf(error)
      await this.#closeFile()
      const last = this.#segments.at(-1)
      if (last?.length === 0) await unlink(this.#pathOf(this.#segments.pop()!)).catch(ignore)
    }
  }

  /** The range must stay unbroken: where memory ran over before the disk took its bytes, what is on disk is void. */
  async #dropSegments(): Promise<void> {
    await this.#closeFile()
    const dropped = this.#segments
    this.#segments = []
    this.#written = this.#memoryStart
    for (const segment of dropped) await unlink(this.#pathOf(segment)).catch(ignore)
  }

  async #openSegment(): Promise<{ start: number; length: number }> {
    const last = this.#segments.at(-1)
    if (last && this.#file && last.length < this.#segmentBytes) return last
    await this.#closeFile()
    const next = { start: this.#written, length: 0 }
    this.#file = await open(this.#pathOf(next), 'w', 0o600)
    this.#segments.push(next)
    return next
  }

  #unwritten(max: number): Buffer[] {
    const parts: Buffer[] = []
    for (let at = this.#written, left = Math.min(max, this.#end - at); left > 0; ) {
      const within = (at - this.#memoryStart) % BLOCK
      const part = this.#blocks[(at - this.#memoryStart - within) / BLOCK]!.subarray(
        within,
        within + Math.min(left, BLOCK - within),
      )
      parts.push(part)
      at += part.length
      left -= part.length
    }
    return parts
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close().catch(ignore)
  }

  #pathOf(segment: Segment): string {
    return join(this.#options.directory, segmentName(this.#options.stream, segment.start))
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'EIO'

const ignore = (): void => {}
