// The hyperlinks of a screen (OSC 8), kept here and not by xterm. xterm's own link service visits every line that a link covers for
// each character printed into it, so a link that a program never closes makes the parser quadratic. Bounded: the oldest links are
// forgotten, and their text stays as text.
import { hasControls } from '../../model/text/text.ts'
import type { CoreAttributes } from './xterm-core.ts'

export interface Link {
  readonly id: string | null
  readonly uri: string
}

export interface Links {
  readonly byNumber: ReadonlyMap<number, Link>
  /** Takes an OSC 8 payload: "params;uri" opens, ";" closes. What is malformed or too long closes. */
  take(payload: string, attributes: CoreAttributes): void
}

/** At most this many links, of at most this many characters (longer URLs are cut off by common browsers and servers too). */
const maxLinks = 2000
const maxUri = 2048
const maxId = 250

export function newLinks(): Links {
  const byNumber = new Map<number, Link>()
  const byKey = new Map<string, number>()
  let next = 1

  function numberOf(link: Link): number {
    const key = `${link.id ?? ''};${link.uri}`
    const known = byKey.get(key)
    if (known !== undefined) return known
    byNumber.set(next, link)
    byKey.set(key, next)
    if (byNumber.size > maxLinks) {
      const [oldest] = byNumber
      if (oldest) {
        byNumber.delete(oldest[0])
        byKey.delete(`${oldest[1].id ?? ''};${oldest[1].uri}`)
      }
    }
    return next++
  }

  return {
    byNumber,
    take(payload, attributes) {
      const link = parseLink(payload)
      const extended = attributes.extended.clone()
      extended.urlId = link ? numberOf(link) : 0
      // Extended attributes are shared with the cells already written, so they are replaced and never changed.
      attributes.extended = extended
      attributes.updateExtended()
    },
  }
}

function parseLink(payload: string): Link | null {
  const semicolon = payload.indexOf(';')
  const uri = semicolon < 0 ? '' : payload.slice(semicolon + 1)
  if (uri === '' || uri.length > maxUri || hasControls(uri)) return null
  const id = payload
    .slice(0, semicolon)
    .split(':')
    .find((part) => part.startsWith('id='))
    ?.slice(3)
  return { id: id && id.length <= maxId && !hasControls(id) ? id : null, uri }
}
