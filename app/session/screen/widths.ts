// How wide characters are and which of them join into one: Unicode 15 with grapheme clusters, as in the windows' terminals (they
// load the same add-on; a mirror with other widths would put the text elsewhere). Bounded: one cell takes at most 32 joined
// characters, because xterm keeps every one of them and a program can print combining marks for ever.

// The add-on is loaded while Buffers have memory of their own.
import './own-buffers.ts'
import { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'
import type { IUnicodeVersionProvider, Terminal } from '@xterm/headless'
import { poolBuffersAgain } from './own-buffers.ts'

poolBuffersAgain()

/** The longest real cluster is a family or flag of some ten code points; the Unicode stream-safe text format allows 30 marks. */
export const maxJoined = 32

let graphemes: IUnicodeVersionProvider | null = null

/** Makes the terminal measure by grapheme clusters of at most `maxJoined` characters. */
export function measureGraphemes(terminal: Terminal): void {
  const base = baseProvider()
  let joined = 0
  terminal.unicode.register({
    version: 'capped-graphemes',
    wcwidth: (code) => base.wcwidth(code),
    charProperties(code, preceding) {
      const properties = base.charProperties(code, preceding)
      // The lowest bit says that it joins the character before it (UnicodeService.extractShouldJoin).
      if ((properties & 1) === 0) {
        joined = 0
        return properties
      }
      joined++
      return joined < maxJoined ? properties : base.charProperties(code, 0)
    },
  })
  terminal.unicode.activeVersion = 'capped-graphemes'
}

function baseProvider(): IUnicodeVersionProvider {
  if (graphemes) return graphemes
  const providers: IUnicodeVersionProvider[] = []
  const unicode = { register: (provider: IUnicodeVersionProvider) => void providers.push(provider), activeVersion: '6' }
  // The add-on registers its providers on whatever terminal it is given; its classes are not exported.
  new UnicodeGraphemesAddon().activate({ unicode } as unknown as Parameters<UnicodeGraphemesAddon['activate']>[0])
  graphemes = providers.find((provider) => provider.version === '15-graphemes') ?? null
  if (!graphemes) throw new Error('@xterm/addon-unicode-graphemes has no provider "15-graphemes"')
  return graphemes
}
