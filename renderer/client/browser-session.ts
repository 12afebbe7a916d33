// How a browser proves that it was admitted: the token in the address buys a cookie, which the browser keeps, and a key, which is
// kept here.
import { browserSession } from '../../app/contract/wire.ts'
import { CoppiceFailure } from '../../app/model/failure.ts'

/** The address from `coppice serve` carries a token in its fragment that is good once: it buys this browser a cookie and a key. */
export async function exchangeToken(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  if (token === null) return
  const answer = await fetch('session', {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  })
  // The fragment goes in any case: it must not stay in the history or be copied on.
  history.replaceState(null, '', `${location.pathname}${location.search}`)
  if (answer.status === 200) return keepKey(((await answer.json()) as { key: string }).key)
  // A token that was used up is no failure where its session is still here: a reload, or a second tab.
  if (!answer.ok && (await sessionIsUnknown())) throw new CoppiceFailure({ code: 'unauthorised', retryable: false })
}

/** True where the host says that it does not know this browser; false also where it says nothing. */
export async function sessionIsUnknown(): Promise<boolean> {
  const key = storedKey()
  try {
    const { status } = await fetch('session', {
      credentials: 'same-origin',
      cache: 'no-store',
      headers: key === null ? {} : { [browserSession.keyHeader]: key },
    })
    return status === 401 || status === 403
  } catch {
    return false
  }
}

// Kept for the origin, port and all, as the cookie is kept for the address: a second tab and a reload have both. A browser that
// keeps nothing has it as long as the page lives.
const keyName = 'coppice-key'
let ownKey: string | null = null

function keepKey(key: string): void {
  ownKey = key
  try {
    localStorage.setItem(keyName, key)
  } catch {
    // Storage is switched off: a reload needs a new address.
  }
}

/** The key that goes with the cookie, or null where this browser has none. */
export function storedKey(): string | null {
  try {
    return localStorage.getItem(keyName) ?? ownKey
  } catch {
    return ownKey
  }
}
