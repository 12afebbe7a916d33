// Judges a link before the operating system is asked to open it. Pure: knows neither Electron nor who asks. A terminal prints
// what any program likes, so a link is hostile until it is plain http(s) without a user name and with a name that reads as it is.

/** `open` as it is, `ask` a person with the host name shown as it really is, or `refuse` with the reason. */
export type LinkVerdict =
  | { readonly verdict: 'open'; readonly url: string }
  | { readonly verdict: 'ask'; readonly url: string; readonly host: string }
  | { readonly verdict: 'refuse'; readonly why: string }

/** Longer than any address a browser takes (2 MB in Chromium), shorter than what an operating system's launcher chokes on. */
export const maxLinkLength = 4096

/** What may be done with a link. Never throws. */
export function judgeLink(text: string): LinkVerdict {
  if (text.length > maxLinkLength) return { verdict: 'refuse', why: 'The link is too long.' }
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return { verdict: 'refuse', why: 'This is not a link.' }
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return { verdict: 'refuse', why: `Only http and https links are opened, not ${url.protocol}` }
  }
  // https://accounts.example.com@evil.example/ reads as the first name and leads to the second.
  if (url.username !== '' || url.password !== '') {
    return { verdict: 'refuse', why: 'The link carries a user name, which can hide where it leads.' }
  }
  // A name in another script can look like a known one: it is shown in its ASCII form first.
  if (url.hostname.split('.').some((label) => label.startsWith('xn--'))) {
    return { verdict: 'ask', url: url.href, host: url.hostname }
  }
  return { verdict: 'open', url: url.href }
}
