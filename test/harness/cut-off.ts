// A host that is killed at a git of its own choosing: a `git` before the real one on the login shell's PATH, which ends the host
// right before or right after it has done what it was asked. What a crash in the middle of a verb leaves, without tracing anything.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOnPath } from '../../app/process/environment.ts'
import type { TestHost } from './test-host.ts'

export type When = 'before' | 'after'

export interface CutOff {
  /** For startHost. */
  readonly environment: Record<string, string>
  /** Kills the host at the next git of these words ("worktree add"), while `effect` is under way. Throws where none came. */
  during(host: TestHost, words: string, when: When, effect: () => Promise<unknown>): Promise<void>
  close(): void
}

export async function makeCutOff(): Promise<CutOff> {
  const tools = realpathSync(mkdtempSync(join(tmpdir(), 'coppice-cut-off-')))
  const real = (await findOnPath('git', process.env as Record<string, string>)) ?? 'git'
  const shell = join(tools, 'shell', 'bash')
  mkdirSync(join(tools, 'shell'))
  writeFileSync(
    join(tools, 'git'),
    `#!/bin/sh
T='${tools}'
if { read -r host when first second < "$T/plan"; } 2>/dev/null; then
  case " $* " in *" $first "*) met=1;; *) met=;; esac
  case " $* " in *" $second "*) ;; *) met=;; esac
  if [ -n "$met" ] && mv "$T/plan" "$T/met" 2>/dev/null; then
    [ "$when" = before ] || '${real}' "$@"
    kill -9 "$host"
    exit 1
  fi
fi
exec '${real}' "$@"
`,
  )
  // Whatever this machine's profile makes of PATH, this shell says it as the test wants it.
  writeFileSync(
    shell,
    `#!/bin/sh\nfor last; do :; done\nPATH='${tools}':"$PATH"\nexport PATH\nexec /bin/sh -c "$last"\n`,
  )
  for (const program of [join(tools, 'git'), shell]) chmodSync(program, 0o755)
  return {
    environment: { SHELL: shell, PATH: `${tools}:${process.env.PATH}` },
    async during(host, words, when, effect) {
      const [first = '', second = first] = words.split(' ')
      const died = host.died()
      rmSync(join(tools, 'met'), { force: true })
      writeFileSync(join(tools, 'plan'), `${host.hostPid()} ${when} ${first} ${second}\n`)
      // The answer is lost with the host.
      void effect().catch(() => {})
      const patience = new Promise((resolve) => setTimeout(resolve, 30_000))
      await Promise.race([died, patience])
      rmSync(join(tools, 'plan'), { force: true })
      if (!existsSync(join(tools, 'met'))) throw new Error(`no git was asked to "${words}"`)
      await died
    },
    close: () => rmSync(tools, { recursive: true, force: true }),
  }
}
