// The few messages between a page and the window. Everything else goes through the bridge to the host. Pure: the preload uses it
// too.

/** The channel names. */
export const channels = {
  /** Page asks: a new port to the host, please. Window answers on `port`, with the port. */
  connect: 'coppice:connect',
  port: 'coppice:port',
  /** Page asks: let the person choose a folder. Window answers on `directory`: its path, or null. */
  chooseDirectory: 'coppice:choose-directory',
  directory: 'coppice:directory',
  /** Page asks: open this link in the person's browser. */
  openExternal: 'coppice:open-external',
  /** Page asks: paste the clipboard into what has the focus, as Ctrl+V does. */
  paste: 'coppice:paste',
} as const
