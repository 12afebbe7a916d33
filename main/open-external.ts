// The only way out of the window: a link opens in the person's browser.
import { dialog, shell } from 'electron'
import { judgeLink } from '../app/model/text/link.ts'

/** Opens an http(s) link as the model judges it; a name in another script is shown in its plain form first. Never throws. */
export async function openExternal(link: string): Promise<void> {
  const judged = judgeLink(link)
  if (judged.verdict === 'refuse') return
  if (judged.verdict === 'ask') {
    const { response } = await dialog.showMessageBox({
      type: 'question',
      message: `Open ${judged.host}?`,
      detail: `${judged.why} The whole link:\n${judged.url.slice(0, 500)}`,
      buttons: ['Don’t open', 'Open'],
      defaultId: 0,
      cancelId: 0,
    })
    if (response !== 1) return
  }
  try {
    await shell.openExternal(judged.url)
  } catch (error) {
    dialog.showErrorBox('The link could not be opened', error instanceof Error ? error.message : String(error))
  }
}
