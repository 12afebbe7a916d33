// Lets a test count renders. It does nothing unless the test put a table on the window before the page was loaded.
declare global {
  interface Window {
    coppiceRenders?: Record<string, number>
  }
}

export function countRender(what: string): void {
  const table = window.coppiceRenders
  if (table) table[what] = (table[what] ?? 0) + 1
}
