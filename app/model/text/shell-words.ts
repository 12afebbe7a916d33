// Splits a line that a person typed into words, by a shell's rules for quoting and nothing else of a shell: no variables, no `~`, no
// patterns, no operators. What comes out goes to a program as its arguments. Pure.

/** The words, or null where a quote or an escape is not closed. A word that is only quotes ("") is an empty one. */
export function shellWords(text: string): string[] | null {
  const words: string[] = []
  let word: string | null = null
  let quote: "'" | '"' | null = null
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (quote === "'") {
      if (character === "'") quote = null
      else word += character
    } else if (character === '\\') {
      const next = text[++at]
      if (next === undefined) return null
      // Inside double quotes a backslash escapes only what has a meaning there; a line that is broken by one goes on.
      const escapes = quote === null || '$`"\\\n'.includes(next)
      word = (word ?? '') + (next === '\n' ? '' : escapes ? next : `\\${next}`)
    } else if (character === quote) quote = null
    else if (quote === null && (character === "'" || character === '"')) {
      quote = character
      word ??= ''
    } else if (quote === null && /\s/.test(character)) {
      if (word !== null) words.push(word)
      word = null
    } else word = (word ?? '') + character
  }
  if (quote !== null) return null
  return word === null ? words : [...words, word]
}
