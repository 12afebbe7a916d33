// A remote can use an alias from the person's ~/.ssh/config ("git@work:me/shop"), which is not a forge's name. ssh itself is asked
// which host the alias means, before a forge, a page or a login is chosen by it. Nothing connects to that host.
import { findOnPath } from '../process/environment.ts'
import { runProgram } from '../process/run-program.ts'

/** Hosts by which a forge takes ssh on the port of https, and the forge's own name. */
const behindHttpsPort: Readonly<Record<string, string>> = {
  'ssh.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
  'altssh.bitbucket.org': 'bitbucket.org',
}

const timeoutMs = 5_000

/** The same address with the host's real name. As it is, where it is no ssh address or ssh says nothing. */
export async function withRealHost(
  url: string,
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const parts =
    /^(ssh:\/\/(?:[^@/\s]+@)?)([\w.-]+)((?::\d+)?\/.+)$/.exec(url) ??
    /^((?:[^@/\s:]+@)?)([\w.-]+)(:(?!\/\/).+)$/.exec(url)
  const [, front, name, rest] = parts ?? []
  if (front === undefined || name === undefined || rest === undefined || name.startsWith('-') || name.length < 2)
    return url
  const host = await realHost(name, directory, environment)
  return `${front}${behindHttpsPort[host.toLowerCase()] ?? host}${rest}`
}

async function realHost(
  name: string,
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const file = await findOnPath('ssh', environment)
  if (!file) return name
  try {
    const answer = await runProgram(file, ['-G', '--', name], { cwd: directory, env: { ...environment }, timeoutMs })
    const said = /^hostname (\S+)$/m.exec(answer.stdout.toString('utf8'))?.[1]
    return answer.code === 0 && said && /^[\w.-]+$/.test(said) ? said : name
  } catch {
    return name
  }
}
