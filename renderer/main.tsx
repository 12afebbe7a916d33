// Starts the client: fonts first (a terminal measures its font only once), then the connection, the keys and the page.
import './client/without-eval.ts'
import { createRoot } from 'react-dom/client'
// The shared styles come first, so that a feature's own may go further.
import './styles/index.css'
import { App } from './App.tsx'
import { startKeymap } from './actions/keymap.ts'
import { startArrivals } from './client/arrivals.ts'
import { startReplica } from './client/replica.ts'
import { applyTheme } from './settings/theme.ts'

/** Fonts are bundled and load in milliseconds; where they do not, the page starts without them. Milliseconds. */
const fontsWithin = 1500

async function start(): Promise<void> {
  applyTheme('system')
  startReplica()
  startArrivals()
  startKeymap()
  const fonts = ['400 13px "JetBrains Mono"', '700 13px "JetBrains Mono"', '400 13px "Inter Variable"']
  await Promise.race([
    Promise.all(fonts.map((font) => document.fonts.load(font))).catch(() => {}),
    new Promise((resolve) => setTimeout(resolve, fontsWithin)),
  ])
  const root = document.getElementById('root')
  if (root) createRoot(root).render(<App />)
}

void start()
