// A step of the client's build: the styles of @pierre/diffs, which come as a string in its code, written in the CSS of Chromium 108.
// That one knows neither nested rules nor the unit lh, and would draw no changed line as changed.
import { Features, transform } from 'lightningcss'

/** The plugin for vite. Fails loudly where the library's file no longer looks as it did when this was written. */
export function diffStyles() {
  return {
    name: 'coppice:diff-styles',
    transform(code, id) {
      if (!/[\\/]@pierre[\\/]diffs[\\/]dist[\\/]style\.js$/.test(id)) return null
      const written = /var style_default = (".*");/s.exec(code)?.[1]
      if (!written) throw new Error(`${id} no longer holds its styles as a string: see scripts/diff-styles.mjs`)
      return { code: code.replace(written, () => JSON.stringify(lowered(JSON.parse(written)))), map: null }
    },
  }
}

/** Leaves out the source maps of the highlighter's languages: nobody debugs them, and they are 20 MB. */
export function withoutLanguageMaps() {
  return {
    name: 'coppice:without-language-maps',
    generateBundle(_, bundle) {
      for (const [name, part] of Object.entries(bundle)) {
        if (part.type !== 'chunk' || !part.map) continue
        const modules = Object.keys(part.modules)
        if (modules.length === 0 || !modules.every((id) => /[\\/]node_modules[\\/]@?shiki(js)?[\\/]/.test(id))) continue
        delete bundle[`${name}.map`]
        part.map = null
        part.code = part.code.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n')
      }
    },
  }
}

function lowered(css) {
  // What 1lh stands for in these rules: the line height that the library sets on its host element.
  const text = css.replaceAll('1lh', 'var(--diffs-line-height,20px)')
  return transform({
    filename: 'diffs.css',
    code: Buffer.from(text),
    include: Features.Nesting,
    minify: true,
  }).code.toString()
}
