// Writes one word of a command line that a person may copy into their shell. Whatever it contains, it stays one word and runs
// nothing. Pure.

/** The word in single quotes where it needs them. */
export function shellWord(word: string): string {
  return /^[\w./=:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
