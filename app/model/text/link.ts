// Judges a link before anybody is asked to open it. Pure: it does not know Electron, a browser or who asks. A terminal prints
// whatever a program likes, so a link is hostile until it is plain http(s) without a user name and its host name cannot be
// mistaken.

/** `open` as it is, `ask` a person who is shown the host as it really is, or `refuse` with the reason. */
export type LinkVerdict =
  | { readonly verdict: 'open'; readonly url: string }
  | { readonly verdict: 'ask'; readonly url: string; readonly host: string; readonly why: string }
  | { readonly verdict: 'refuse'; readonly why: string }

/** Longer than any address a person reads, shorter than what an operating system's launcher chokes on. */
export const maxLinkLength = 4096

/** What may be done with a link. Never throws. */
export function judgeLink(text: string): LinkVerdict {
  if (text.length > maxLinkLength) return { verdict: 'refuse', why: 'The link is too long.' }
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return { verdict: 'refuse', why: 'This is not a web address.' }
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return { verdict: 'refuse', why: `Only web addresses (http and https) can be opened, not ${url.protocol}` }
  }
  // https://accounts.example.com@evil.example/ reads as the first name and leads to the second.
  if (url.username !== '' || url.password !== '') {
    return {
      verdict: 'refuse',
      why: `The link carries a user name, which can hide where it leads. Its host is ${url.hostname}.`,
    }
  }
  // A name in another script can look like a known one: it is shown in its ASCII form first.
  if (url.hostname.split('.').some((label) => label.startsWith('xn--'))) {
    return {
      verdict: 'ask',
      url: url.href,
      host: url.hostname,
      why: `Its name contains letters that can look like others. In ASCII it is ${url.hostname}.`,
    }
  }
  return { verdict: 'open', url: url.href }
}
