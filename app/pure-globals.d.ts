// What Node and a browser both have, in the little that the pure rooms use of it. Those rooms know neither of the two: whatever
// is not named here has to be handed in.
declare function queueMicrotask(callback: () => void): void
declare const crypto: { randomUUID(): `${string}-${string}-${string}-${string}-${string}` }
declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean })
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string
}
declare class URL {
  constructor(url: string, base?: string)
  readonly href: string
  readonly protocol: string
  readonly username: string
  readonly password: string
  readonly host: string
  readonly hostname: string
  readonly port: string
  readonly pathname: string
  readonly search: string
  readonly hash: string
}
