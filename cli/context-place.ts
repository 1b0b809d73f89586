import { type Stats, statSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { remoteSource } from '../builder/dockerfile/sources.ts'

/** Where a context is, by how it is written. */
export type ContextPlace =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'tar'; readonly path: string }
  | { readonly kind: 'stdin' }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'git'; readonly url: string }

/** What is there as a file or folder is that; then git and http(s) URLs; `github.com/...` is git, as in docker. Anything else is a folder that is missing. */
export function contextPlace(text: string, cwd: string): ContextPlace {
  if (text === '-') return { kind: 'stdin' }
  const path = resolve(cwd, text)
  const stat = statOf(path)
  if (stat !== undefined) return { kind: stat.isFile() ? 'tar' : 'folder', path }
  if (text.startsWith('github.com/')) return { kind: 'git', url: `https://${text}` }
  const kind = isAbsolute(text) ? undefined : remoteSource(text)
  return kind === undefined ? { kind: 'folder', path } : { kind, url: text }
}

/** Undefined for what cannot be looked at, too: a URL may be longer than any name of a file. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
