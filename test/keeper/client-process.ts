// A host in miniature, to be killed: starts a session, reads it, and prints after each piece how far it has come.
//   node client-process.ts DATA_DIR SCRIPT SESSION_ID KIND COMMAND
import { writeSync } from 'node:fs'
import { connectKeeper } from '../../app/keeper/client.ts'

const [dataDir, script, sessionId, kind, command] = process.argv.slice(2) as [
  string,
  string,
  string,
  'pty' | 'pipe',
  string,
]
const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/nonexistent', LC_ALL: 'C' }
const keeper = await connectKeeper({
  dataDir,
  clientVersion: 'victim',
  startWith: { node: process.execPath, script, env },
})
await keeper.spawn({ sessionId, kind, file: '/bin/sh', args: ['-c', command], cwd: '/tmp', env })
keeper.read(
  sessionId,
  { stream: 'out', from: 0 },
  {
    onData: (bytes, at) => void writeSync(1, `${at + bytes.length}\n`),
    onDropped() {},
    onEnd() {},
  },
)
