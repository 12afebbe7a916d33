// Which links a terminal may open: http and https, on a click with Ctrl (Cmd on macOS). One that can be mistaken for another
// (letters outside ASCII, a user name before the host) is shown first. Pure.

export type LinkVerdict =
  | { readonly open: 'now'; readonly url: string }
  | { readonly open: 'ask'; readonly url: string; readonly why: string }
  | { readonly open: 'never'; readonly why: string }

/** Longer ones are nobody's to read or to check. */
const longest = 4096

export function judgeLink(text: string): LinkVerdict {
  if (text.length > longest) return { open: 'never', why: 'The link is too long.' }
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return { open: 'never', why: 'This is no web address.' }
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return { open: 'never', why: `Only web addresses are opened, not ${url.protocol}` }
  }
  if (url.username !== '' || url.password !== '') {
    return { open: 'ask', url: url.href, why: `It names a user before the host. The host is ${url.hostname}.` }
  }
  if (url.hostname.split('.').some((label) => label.startsWith('xn--'))) {
    return {
      open: 'ask',
      url: url.href,
      why: `Its name holds letters that can look like others. In ASCII it is ${url.hostname}.`,
    }
  }
  return { open: 'now', url: url.href }
}
