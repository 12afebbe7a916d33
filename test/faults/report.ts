// How large a fault case is, and how it says its number. The quick form is part of `npm test`; `npm run faults` runs each case at
// the figure of its scenario, or for ten minutes, whichever comes first, and says which.
export const full = process.env.COPPICE_FAULTS === 'full'

/** Milliseconds that one case may take in the full form. */
export const patienceMs = 10 * 60_000

/** The figure to reach: the scenario's own in the full form, a small one in the quick. */
export const size = (quick: number, figure: number): number => (full ? figure : quick)

/** Prints a case's number: "scenario 1: 1000 kills: 0 commits lost". */
export function report(scenario: number | string, text: string): void {
  process.stdout.write(`faults: scenario ${scenario}: ${text}\n`)
}

/** "1000 of 1000", or "640 of 1000 (ten minutes were up)". */
export const reached = (done: number, wanted: number): string =>
  done >= wanted ? `${done}` : `${done} of ${wanted} (the time was up)`

/** Numbers that look random and can be had again: print the seed with a failure. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
