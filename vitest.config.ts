import { defineConfig } from 'vitest/config'

// unit: pure tests beside the code. real: real git, ptys, sockets and CLIs. e2e: the whole story in a browser and in Electron,
// after the others, so that a window has the machine to itself. bench: last, one at a time, in its short form where it is part of
// `npm test`. faults is run by name; its quick form is part of `real`.
//
// Tests with real processes on a shared two-core machine meet its scheduler: in CI one that fails is tried once more and vitest
// names it as retried, so that a fault of the code still fails twice.
const retry = process.env.CI ? 1 : 0
const slow = { testTimeout: 120_000, hookTimeout: 120_000, retry }
export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'app/**/*.test.ts',
            'main/**/*.test.ts',
            'renderer/**/*.test.{ts,tsx}',
            'test/architecture/**/*.test.ts',
          ],
          // Property tests take seconds on a busy machine.
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'real',
          include: ['test/**/*.test.ts'],
          exclude: ['test/architecture/**', 'test/e2e/**', 'test/bench/**'],
          ...slow,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          retry,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'bench',
          include: ['test/bench/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 120_000,
          retry,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
