// The application menu. On macOS it is at the top of the screen; elsewhere Alt shows it. Its keys work only if the page did not use
// them, so a terminal keeps Ctrl+R and Ctrl+W for itself.
import { app, Menu, type MenuItemConstructorOptions } from 'electron'

export interface MenuActions {
  openRepository(): void
  startDemo(): void
}

/** Sets the menu for the whole application. */
export function setMenu(actions: MenuActions): void {
  const mac = process.platform === 'darwin'
  const template: MenuItemConstructorOptions[] = [
    ...(mac ? [{ role: 'appMenu' } as const] : []),
    {
      label: '&File',
      submenu: [
        { label: 'Open Repository…', accelerator: 'CmdOrCtrl+O', click: actions.openRepository },
        { label: 'Try the Demo', click: actions.startDemo },
        { type: 'separator' },
        mac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        { role: 'reload' },
        ...(app.isPackaged ? [] : [{ role: 'toggleDevTools' } as const]),
        { type: 'separator' },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        // The same key without Shift, as browsers have it.
        { role: 'zoomIn', accelerator: 'CmdOrCtrl+=', visible: false, acceleratorWorksWhenHidden: true },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
      ],
    },
    { role: 'windowMenu' },
    ...(mac ? [] : [{ label: '&Help', submenu: [{ role: 'about' } as const] }]),
  ]
  Menu.setApplicationMenu(Menu.buildFromTemplate(template))
}
