// What a remote's address says about the forge behind it. Pure.

export interface ForgeAddress {
  readonly host: string
  /** "owner/name", or longer on GitLab. */
  readonly path: string
}

/** Host and path of a remote's URL, or null where it is a local path or none that a browser could open. */
export function parseRemoteUrl(url: string): ForgeAddress | null {
  const scp = /^(?:[^@/\s]+@)?([\w.-]+):(?!\/\/)(.+)$/.exec(url)
  const match = scp ?? /^(?:https?|ssh|git):\/\/(?:[^@/\s]+@)?([\w.-]+)(?::\d+)?\/(.+)$/.exec(url)
  const host = match?.[1]
  const path = match?.[2]?.replace(/\/+$/, '').replace(/\.git$/, '')
  // A one-letter host is a drive (C:\…), not a forge.
  return host && path && host.length > 1 && path.includes('/') ? { host, path } : null
}

/**
 * Of a remote's address as the person's rules lead it and as it is written, the one that names the forge: behind a shorthand
 * ("gh:acme/shop") stands its address, and a copy on this disk is still the forge's.
 */
export const forgeUrl = (resolved: string, written: string): string => (parseRemoteUrl(resolved) ? resolved : written)
