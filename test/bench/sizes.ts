// Every bench has two forms. The long one (`npm run bench`) takes its time and is read for its ratios; the short one is part of
// `npm test`, so that no bench breaks unseen. Both assert their counts and print their times.

/** True in `npm test`. */
export const short = process.env.COPPICE_BENCH === 'short'

/** The size of the form that runs. */
export const sized = <T>(sizes: { readonly long: T; readonly short: T }): T => (short ? sizes.short : sizes.long)
