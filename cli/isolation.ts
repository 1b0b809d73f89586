import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Helper } from '../native/helper.ts'
import type { NativeOps } from '../native/ops.ts'
import type { Fact, Stacking } from '../native/requests/trees.ts'
import { bytesOfText } from '../native/wire.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import { StepFolders } from '../snapshotter/step-folders.ts'
import { FIXES } from './fixes.ts'

/** How steps are kept apart here, in words. */
export interface Isolation {
  readonly stacking: Stacking
  /** `isolation: user namespace; ids ranges: 65537 user ids, 65537 group ids; files overlay`, with reason and fix where it is less than it could be. */
  readonly line: string
}

/** The facts of this place. Overlayfs is tried in the store itself, since its file system decides; for that a folder is made there, and removed. */
export async function probePlace(root: string, helper: Helper, native: NativeOps, signal?: AbortSignal): Promise<Fact[]> {
  const deps = { helper: async () => helper, ops: native, newId: () => randomBytes(8).toString('hex') }
  const scratch = await new StepFolders(join(root, 'steps'), deps).create()
  try {
    return await helper.probe(bytesOfText(scratch.path), signal)
  } finally {
    await scratch.remove()
  }
}

/** From the facts of the helper's probe; `forced` is what TSBUILD_STACKING asks for. */
export function isolationOf(facts: readonly Fact[], forced?: Stacking): Isolation {
  const fact = (name: string) => facts.find((item) => item.name === name)
  const overlay = fact('overlay')
  const stacking = forced ?? (overlay?.ok === true ? 'overlay' : 'copy')
  const view = fact('user namespace')?.ok === true ? 'user namespace' : `no user namespace (${fact('user namespace')?.detail ?? 'unknown'})`
  const why = forced === undefined ? (overlay?.detail ?? 'no overlay') : `TSBUILD_STACKING=${forced}`
  const files = stacking === 'overlay' ? 'overlay' : `whole copies of trees (${why})`
  const lacking = ['user namespace', 'ids'].find((name) => fact(name)?.ok === false)
  const fix = lacking === undefined ? '' : `; for more, ${FIXES[lacking]}`
  return { stacking, line: `isolation: ${view}; ids ${fact('ids')?.detail ?? 'unknown'}; files ${files}${fix}` }
}

/** TSBUILD_STACKING: `overlay` or `copy` instead of what the probe finds. */
export function stackingOf(text: string | undefined): Stacking | undefined {
  if (text === undefined || text === '') return undefined
  if (text === 'overlay' || text === 'copy') return text
  throw new TsbuildError('USAGE', `TSBUILD_STACKING=${text} is not known`, { hint: 'overlay or copy' })
}
