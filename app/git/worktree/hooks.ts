// Hooks that run in the person's checkout and would not run in a new worktree, so that an agent commits past a gate. git says nothing
// of a hooks folder that is not there. This only looks: where hooks come from (an install, a copy) is the person's to say.
import { accessSync, constants, readdirSync } from 'node:fs'
import { isAbsolute, join, relative, resolve } from 'node:path'
import { exists, lstatOrNull, readSmallText } from '../../disk/files.ts'
import { type ConfigEntry, lastValue } from '../config-list.ts'
import type { Checkout } from './checkout.ts'

const hookName =
  /^(applypatch-msg|pre-applypatch|post-applypatch|pre-commit|pre-merge-commit|prepare-commit-msg|commit-msg|post-commit|pre-rebase|post-checkout|post-merge|pre-push|post-rewrite|reference-transaction|push-to-checkout|pre-auto-gc)$/

/** `entries` is the configuration that holds in the worktree. Sentences about hooks that will not run in the worktree, or not as they do in `main`; none where they do. */
export function hooksThatWillNotRun(entries: readonly ConfigEntry[], main: string, checkout: Checkout): string[] {
  const path = lastValue(entries, 'core.hookspath')
  if (path === undefined || path === '')
    return [...hooksWithoutTheirTools(main, checkout), ...gateThatIsNotInstalled(main, checkout)]
  if (isAbsolute(path) || path.startsWith('~')) return []
  const [theirs, ours] = [resolve(main, path), resolve(checkout.worktree, path)]
  const hooks = hooksIn(theirs)
  if (hooks.length === 0) return []
  const missing = hooks.filter((name) => !hooksIn(ours).includes(name))
  if (missing.length > 0) {
    return [
      `Git hooks will not run in this worktree: core.hooksPath is ${path}, and ${join(ours, missing[0] ?? '')} is not there (${missing.join(', ')} exists only in ${main}). ` +
        `Run the install that makes them in the worktree, or set core.hooksPath to ${theirs}.`,
    ]
  }
  // The hooks are committed, and what they call is made by an install (husky's "_" folder).
  const parts = filesBelow(theirs).filter((name) => !exists(join(ours, name)))
  if (parts.length === 0) return []
  return [
    `Git hooks may not run as they do in ${main}: ${parts.slice(0, 3).join(', ')} of ${path} is not in this worktree. Run the install that makes it there.`,
  ]
}

/** Hooks of the shared folder run in every worktree; a tool that they look for in node_modules may not be in this one. */
function hooksWithoutTheirTools(main: string, checkout: Checkout): string[] {
  const folder = join(checkout.commonDir, 'hooks')
  if (!exists(join(main, 'node_modules')) || exists(join(checkout.worktree, 'node_modules'))) return []
  const lost = hooksIn(folder).filter((name) =>
    /node_modules|lefthook|husky|simple-git-hooks|yorkie|overcommit/.test(readSmallText(join(folder, name)) ?? ''),
  )
  if (lost.length === 0) return []
  return [
    `The git ${lost.length === 1 ? 'hook' : 'hooks'} ${lost.join(', ')} may let everything pass in this worktree: what ${lost.length === 1 ? 'it calls' : 'they call'} is in node_modules of ${main}, and the worktree has no node_modules. Run the install there.`,
  ]
}

/** A repository can ask for checks at each commit that nobody has switched on in this clone. */
function gateThatIsNotInstalled(main: string, checkout: Checkout): string[] {
  const file = '.pre-commit-config.yaml'
  if (!exists(join(checkout.worktree, file)) || hooksIn(join(checkout.commonDir, 'hooks')).includes('pre-commit'))
    return []
  return [
    `Commits are not checked: this repository has ${file}, and its git hook is not installed. Run "pre-commit install" in ${main}; worktrees share it.`,
  ]
}

function hooksIn(folder: string): string[] {
  return entriesOf(folder).filter((name) => {
    if (!hookName.test(name) || !lstatOrNull(join(folder, name))) return false
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

const entriesOf = (folder: string): string[] => {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

/** Files below a folder, by their path in it; a hooks folder is small, and what is not is not looked through. */
function filesBelow(folder: string): string[] {
  const found: string[] = []
  const visit = (directory: string, depth: number) => {
    for (const name of entriesOf(directory)) {
      const path = join(directory, name)
      const facts = lstatOrNull(path)
      if (facts?.isDirectory() && depth < 2) visit(path, depth + 1)
      else if (facts?.isFile() && found.length < 200) found.push(relative(folder, path))
    }
  }
  visit(folder, 0)
  return found
}
