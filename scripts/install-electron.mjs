// `npm run install-electron`: fetches the pinned Electron, as `npm start` does by itself, and says why if that fails.
import { fetchElectron, installedElectron, pinnedElectron } from './electron-runtime.mjs'

if (installedElectron({})) console.log(`Electron ${pinnedElectron()} is installed.`)
else {
  console.log(`Fetching Electron ${pinnedElectron()} …`)
  const problem = await fetchElectron((had, total) => {
    if (process.stderr.isTTY)
      process.stderr.write(`\r\x1b[K${(had / 1e6).toFixed(0)} of ${((total ?? 0) / 1e6).toFixed(0)} MB`)
  })
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  console.log(problem ? `${problem.why}: ${problem.how}.` : `Electron ${pinnedElectron()} is installed.`)
  process.exitCode = problem ? 1 : 0
}
