// The switches inside a packaged Electron, set once after packing: it cannot be used as a plain Node, accepts no debugger and no
// options from its environment, and loads the application only from its asar. Every fuse of the runtime must be named here; one
// that a newer Electron adds stops the packaging until somebody has decided about it.
import { join } from 'node:path'
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses'

export const fuses = {
  [FuseV1Options.RunAsNode]: false,
  [FuseV1Options.EnableCookieEncryption]: true,
  [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
  [FuseV1Options.EnableNodeCliInspectArguments]: false,
  [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
  [FuseV1Options.OnlyLoadAppFromAsar]: true,
  // A snapshot of our own we do not have.
  [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
  // As Electron ships it: traps for WebAssembly's bounds, which cost nothing.
  [FuseV1Options.WasmTrapHandlers]: true,
}

/** Throws the fuses of an executable; those named in `leave` stay as they are. */
export async function throwFuses(executable, { leave = [] } = {}) {
  const chosen = Object.fromEntries(Object.entries(fuses).filter(([fuse]) => !leave.includes(Number(fuse))))
  await flipFuses(executable, {
    version: FuseVersion.V1,
    strictlyRequireAllFuses: leave.length === 0,
    resetAdHocDarwinSignature: process.platform === 'darwin',
    ...chosen,
  })
}

/** electron-builder's hook. COPPICE_PACKAGE_FUSES=as-built leaves them alone, for a package that a test wants to drive. */
export default async function afterPack({ appOutDir, packager, electronPlatformName }) {
  if (process.env.COPPICE_PACKAGE_FUSES === 'as-built') return
  const name = packager.appInfo.productFilename
  const executable = {
    darwin: `${name}.app/Contents/MacOS/${name}`,
    linux: packager.executableName,
    win32: `${name}.exe`,
  }[electronPlatformName]
  await throwFuses(join(appOutDir, executable))
}
