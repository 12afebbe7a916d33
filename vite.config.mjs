import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { diffStyles, withoutLanguageMaps } from './scripts/diff-styles.mjs'

export default defineConfig({
  base: './',
  plugins: [react(), diffStyles(), withoutLanguageMaps()],
  worker: { format: 'es' },
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    target: 'chrome108',
    sourcemap: true,
    chunkSizeWarningLimit: 1500,
  },
})
