// What a person has started to write and not yet sent. It is kept when its dialog is closed in any way, also across a reload, and
// dropped once it is sent. There is one draft for each name.

const key = (name: string) => `coppice.draft.${name}`

/** The draft as it was kept; null where there is none. It comes from storage: parse it before use. */
export function draftOf(name: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(key(name)) ?? 'null')
  } catch {
    return null
  }
}

/** Keeps a draft; null drops it. Storage that is full or forbidden costs the draft and nothing else. */
export function keepDraft(name: string, draft: unknown): void {
  try {
    if (draft === null) localStorage.removeItem(key(name))
    else localStorage.setItem(key(name), JSON.stringify(draft))
  } catch {
    // Not kept.
  }
}
