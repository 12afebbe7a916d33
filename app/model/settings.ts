// What a person can set. Every field has a default, so a file from an older version still parses.
import { z } from 'zod'

// Without the defaults, which belong to the whole and not to a change of one field.
const fields = {
  /** How many agents run at once on this machine, and per repository; the rest are queued. */
  maxRunning: z.number().int().min(1).max(200),
  maxRunningPerRepository: z.number().int().min(1).max(200),
  /** {id} and {slug} are filled in; -2, -3 … make it unique */
  branchTemplate: z.string().min(1).max(120),
  /** Absolute; null means <data directory>/worktrees. */
  worktreeRoot: z
    .string()
    .max(4096)
    .refine((path) => /^(\/|[A-Za-z]:[\\/])/.test(path) && !path.includes('\0'), 'must be an absolute path')
    .nullable(),
  /** How long the trash keeps what can be rebuilt (hours), and everything else (days). */
  keepRebuildableHours: z.number().min(0).max(720),
  keepTrashDays: z.number().min(7).max(365),
  /** Below this much free space new runs and installs wait. */
  lowDiskBytes: z.number().int().min(0),
  onQuit: z.enum(['ask', 'keep', 'stop']),
  theme: z.enum(['system', 'dark', 'light']),
  density: z.enum(['auto', '1', '4', '9', '16', 'list']),
  /** With no live run and no client, host and keeper end themselves after this many seconds. */
  idleExitSeconds: z.number().int().min(5).max(86_400),
  recentPaths: z.array(z.string().max(4096)).max(20),
}

export const Settings = z.object({
  maxRunning: fields.maxRunning.default(12),
  maxRunningPerRepository: fields.maxRunningPerRepository.default(8),
  branchTemplate: fields.branchTemplate.default('agent/{id}'),
  worktreeRoot: fields.worktreeRoot.default(null),
  keepRebuildableHours: fields.keepRebuildableHours.default(1),
  keepTrashDays: fields.keepTrashDays.default(7),
  lowDiskBytes: fields.lowDiskBytes.default(2 * 1024 ** 3),
  onQuit: fields.onQuit.default('ask'),
  theme: fields.theme.default('system'),
  density: fields.density.default('auto'),
  idleExitSeconds: fields.idleExitSeconds.default(300),
  recentPaths: fields.recentPaths.default([]),
})
export type Settings = z.infer<typeof Settings>
export const defaultSettings: Settings = Settings.parse({})

/** Some of them. `Settings.partial()` is not that: zod 4 fills the default in for each field that is absent, and so resets it. */
export const SettingsChange = z.object(fields).partial()
export type SettingsChange = z.infer<typeof SettingsChange>
