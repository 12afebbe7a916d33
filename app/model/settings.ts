// What a person can set. Every field has a default, so a file from an older version still parses.
import { z } from 'zod'

export const Settings = z.object({
  /** How many agents run at once on this machine, and per repository; the rest are queued. */
  maxRunning: z.number().int().min(1).max(200).default(12),
  maxRunningPerRepository: z.number().int().min(1).max(200).default(8),
  /** {id} and {slug} are filled in; made unique with -2, -3 … */
  branchTemplate: z.string().min(1).max(120).default('agent/{id}'),
  /** Absolute; null means <data directory>/worktrees. */
  worktreeRoot: z.string().nullable().default(null),
  /** How long the trash keeps what can be rebuilt (hours), and everything else (days). */
  keepRebuildableHours: z.number().min(0).max(720).default(1),
  keepTrashDays: z.number().min(7).max(365).default(7),
  /** Below this much free space new runs and installs wait. */
  lowDiskBytes: z
    .number()
    .int()
    .min(0)
    .default(2 * 1024 ** 3),
  onQuit: z.enum(['ask', 'keep', 'stop']).default('ask'),
  theme: z.enum(['system', 'dark', 'light']).default('system'),
  density: z.enum(['auto', '1', '4', '9', '16', 'list']).default('auto'),
  /** With no live run and no client, host and keeper end themselves after this many seconds. */
  idleExitSeconds: z.number().int().min(5).max(86_400).default(300),
  recentPaths: z.array(z.string()).max(20).default([]),
})
export type Settings = z.infer<typeof Settings>
export const defaultSettings: Settings = Settings.parse({})
