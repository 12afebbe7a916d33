// The part of node-pty 1.1.0 that app/keeper/pty-process.ts uses. Its own types are declared for the name
// "@lydell/node-pty", under which the prebuilt package is published, and leave out `fd` and `_socket`.
declare module 'node-pty' {
  interface Terminal {
    readonly pid: number
    /** The master's descriptor; its number may be another file's after the close. */
    readonly fd: number
    /** A tty.ReadStream on the master, which is written to as well. */
    readonly _socket: import('node:net').Socket
    onData(listener: (bytes: Buffer) => void): void
    /** `signal` is 0 or undefined for a process that ended by itself. */
    onExit(listener: (exit: { readonly exitCode: number; readonly signal?: number }) => void): void
    resize(cols: number, rows: number): void
  }
  interface Options {
    readonly cwd: string
    readonly env: Record<string, string>
    readonly name: string
    readonly cols: number
    readonly rows: number
    /** Bytes, not strings. */
    readonly encoding: null
  }
  const pty: { spawn(file: string, args: string[], options: Options): Terminal }
  export default pty
}
