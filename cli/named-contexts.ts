import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { contextName, type NamedBase, type NamedContexts } from '../builder/plan/named-contexts.ts'
import { LAYOUT } from '../builder/plan/platforms.ts'
import type { SourceTree } from '../builder/sources/tree.ts'
import { isErrno, TsbuildError } from '../registry/oci/error.ts'
import { asStep } from '../registry/oci/event.ts'
import { parseReference } from '../registry/oci/reference.ts'
import type { Context } from './context.ts'
import { type ContextPlace, contextPlace } from './context-place.ts'
import { contextFolder, folderTree } from './folder-context.ts'
import { readLayout } from './layout-bases.ts'
import { openElsewhere, withoutUser } from './other-context.ts'
import type { Workspace } from './wire.ts'

const IMAGE = 'docker-image://'

/** `--build-context name=value`: what each name stands for. The files of a folder, tar, URL or repository are opened when they are first needed, once. */
export function namedContexts(
  items: readonly string[],
  workspace: () => Promise<Workspace>,
  context: Context,
): { readonly contexts: NamedContexts; open(name: string): Promise<SourceTree> } {
  const contexts = new Map<string, NamedBase>()
  const places = new Map<string, ContextPlace>()
  for (const item of items) {
    const equals = item.indexOf('=')
    if (equals <= 0 || equals === item.length - 1)
      throw new TsbuildError('USAGE', `--build-context ${JSON.stringify(item)}: write name=value`)
    const name = contextName(item.slice(0, equals))
    const value = item.slice(equals + 1)
    const image = imageOf(value, context)
    contexts.set(name, image ?? { kind: 'tree', name })
    if (image === undefined) places.set(name, placeOf(name, value, context))
  }
  const trees = new Map<string, Promise<SourceTree>>()
  return {
    contexts,
    open(name) {
      const opened = trees.get(name) ?? workspace().then((open) => openTree(name, places.get(name), open, context))
      trees.set(name, opened)
      return opened
    },
  }
}

function imageOf(value: string, { cwd }: Context): NamedBase | undefined {
  if (value.startsWith(IMAGE)) {
    const reference = value.slice(IMAGE.length)
    if (reference === 'scratch') return { kind: 'scratch' }
    parseReference(reference) // told now, and not where the Dockerfile first needs it
    return { kind: 'image', reference }
  }
  if (!value.startsWith(LAYOUT)) return undefined
  const { folder } = readLayout(value)
  return { kind: 'image', reference: `${LAYOUT}${resolve(cwd, folder)}${value.slice(LAYOUT.length + folder.length)}` }
}

/** What is on this machine must be there. */
function placeOf(name: string, value: string, { cwd }: Context): ContextPlace {
  if (value === '-')
    throw new TsbuildError('USAGE', `--build-context ${name}=-: only the build context itself can come from standard input`)
  const place = contextPlace(value, cwd)
  if (place.kind === 'stdin' || place.kind === 'http' || place.kind === 'git') return place
  try {
    return { ...place, path: realpathSync(place.path) }
  } catch (cause) {
    const why = isErrno(cause, 'ENOENT') ? undefined : cause
    throw new TsbuildError('CONTEXT_MISSING', `--build-context ${name}: there is no ${place.path}`, {
      cause: why,
      hint: 'a folder, tar, git or http(s) URL, docker-image://reference or oci-layout://folder:tag',
    })
  }
}

/** A folder has its own .dockerignore. A URL that gives no tar is one file, called as the URL ends. */
async function openTree(name: string, place: ContextPlace | undefined, workspace: Workspace, context: Context): Promise<SourceTree> {
  const label = `the build context ${name}`
  if (place === undefined) throw new Error(`no build context ${name}`)
  if (place.kind === 'folder') return folderTree(await contextFolder(place.path), undefined, { label }, workspace, context)
  if (place.kind === 'http') {
    const { httpTree } = await import('../builder/sources/context.ts')
    const step = { id: label, name: `[context ${name}] ${withoutUser(place.url)}`, emit: workspace.emit, now: context.now }
    return asStep(step, () => httpTree(place.url, { label, signal: context.signal }, workspace.buildDeps))
  }
  const found = await openElsewhere(place, { label, keepGitDir: undefined }, workspace, context)
  if (found.kind === 'files') return found.tree
  throw new TsbuildError('CONTEXT_INVALID', `${label} is no folder and no tar`)
}
