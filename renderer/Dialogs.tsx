// The open dialog, if any. There is one at a time: a second one replaces the first.

import { CommandPalette } from './actions/CommandPalette.tsx'
import { KeysSheet } from './actions/KeysSheet.tsx'
import { PurgeDialog } from './cleanup/PurgeDialog.tsx'
import { RemoveDialog } from './cleanup/RemoveDialog.tsx'
import { NewRunDialog } from './new-run/NewRunDialog.tsx'
import { PublishDialog } from './publish/PublishDialog.tsx'
import { AddRepositoryDialog } from './repositories/AddRepositoryDialog.tsx'
import { RenameDialog } from './runs/RenameDialog.tsx'
import { ResumeDialog } from './runs/ResumeDialog.tsx'
import { StopDialog } from './runs/StopDialog.tsx'
import { SettingsDialog } from './settings/Settings.tsx'
import { CloseSideDialog, OpenSideDialog } from './sides/SideDialogs.tsx'
import { LinkDialog } from './terminal/LinkDialog.tsx'
import { openDialog, useUi } from './window/ui.ts'

export function Dialogs() {
  const dialog = useUi((ui) => ui.dialog)
  const close = () => openDialog(null)
  switch (dialog?.kind) {
    case 'new-run':
      return <NewRunDialog {...(dialog.repositoryId ? { repositoryId: dialog.repositoryId } : {})} onClose={close} />
    case 'add-repository':
      return <AddRepositoryDialog onClose={close} />
    case 'remove':
      return <RemoveDialog key={dialog.preview.consent} preview={dialog.preview} onClose={close} />
    case 'publish':
      return <PublishDialog runId={dialog.runId} onClose={close} />
    case 'resume':
      return <ResumeDialog runId={dialog.runId} onClose={close} />
    case 'rename':
      return <RenameDialog runId={dialog.runId} onClose={close} />
    case 'purge':
      return <PurgeDialog runId={dialog.runId} consent={dialog.consent} failure={dialog.failure} onClose={close} />
    case 'stop':
      return <StopDialog runId={dialog.runId} onClose={close} />
    case 'open-side':
      return <OpenSideDialog runId={dialog.runId} what={dialog.what} onClose={close} />
    case 'close-side':
      return <CloseSideDialog runId={dialog.runId} number={dialog.number} onClose={close} />
    case 'settings':
      return <SettingsDialog onClose={close} />
    case 'keys':
      return <KeysSheet onClose={close} />
    case 'palette':
      return <CommandPalette onClose={close} />
    case 'link':
      return <LinkDialog url={dialog.url} why={dialog.why} onClose={close} />
    default:
      return null
  }
}
