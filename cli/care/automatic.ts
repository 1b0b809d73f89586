import { writeFileSync } from 'node:fs'
import type { AllLimits } from '../../builder/care/choose.ts'
import { bytesOf, isCache } from '../../builder/care/entry.ts'
import { policyRules } from '../../builder/care/policy.ts'
import { capOf, isDue, parseUsage, type Usage } from '../../builder/care/usage.ts'
import { hasCode, TsbuildError } from '../../registry/oci/error.ts'
import { readIfThere } from '../../registry/store/names.ts'
import { writing } from '../../registry/store/place.ts'
import { storeRoot } from '../../registry/store/root.ts'
import type { Context } from '../context.ts'
import { printable } from '../printable.ts'
import { formatSize } from '../progress/format.ts'
import type { LoggedStep } from '../progress/run-log.ts'
import { openWorkspace } from '../wire.ts'
import { diskOf } from './disk.ts'
import { gcLimits } from './limits.ts'
import { chosen, countText, remove } from './prune.ts'

/** A layer may be there packed and, below a RUN, unpacked. */
const COPIES = 2

/**
 * Keeps the cache within its limits after a build that did something. Usually that is a look at two numbers; only when the cache may be too large it is measured, and
 * what was not used for longest is removed, unless others are at work in the store: then the next build sees to it. Trouble with that is no trouble of the build.
 */
export async function careForStore(
  steps: readonly LoggedStep[],
  context: Context,
  { isSilent }: { readonly isSilent: boolean },
): Promise<void> {
  const say = (text: string) => void (isSilent || context.printError(`${printable(text)}\n`))
  try {
    const limits = dueLimits(steps, context)
    if (limits !== undefined && (await isTooMuch(limits, context))) say(await keepWithin(limits, context))
  } catch (error) {
    if (hasCode(error, 'STORE_BUSY') || context.signal.aborted) return
    if (!(error instanceof TsbuildError)) throw error
    say(`WARNING: the cache was not kept within its limits: ${error.message}; tsbuild prune tries again, TSBUILD_GC=off leaves it alone`)
  }
}

/** The limits when the store is to be looked at; notes what the build has made. */
function dueLimits(steps: readonly LoggedStep[], { env, uid, now }: Context): AllLimits | undefined {
  const root = storeRoot(env, uid)
  const disk = diskOf(root)
  const limits = gcLimits(env, disk.size)
  if (limits === undefined) return undefined
  const usage = withMade(steps, notedUsage(root) ?? { at: now(), used: 0, disk: disk.used, cap: capOf(limits), made: 0 })
  noteUsage(root, usage)
  return isDue(usage, { now: now(), ...disk }, limits) ? limits : undefined
}

/** Measures beside others. What is within the limits is noted, so that it need not be measured again soon. */
async function isTooMuch(limits: AllLimits, context: Context): Promise<boolean> {
  await using workspace = await openWorkspace(context)
  const { entries, all } = await chosen(workspace, policyRules(limits), context.signal)
  if (entries.some(({ kind }) => kind !== 'leftover')) return true
  noteUsage(workspace.store.root, measured(bytesOf(all.filter(isCache)), limits, context))
  return false
}

async function keepWithin(limits: AllLimits, context: Context): Promise<string> {
  await using workspace = await openWorkspace(context, { access: 'exclusive', wait: false })
  const { entries, bytes, all } = await chosen(workspace, policyRules(limits), context.signal)
  await remove(workspace, entries)
  noteUsage(workspace.store.root, measured(bytesOf(all.filter(isCache)) - bytes, limits, context))
  return `removed ${countText(entries) || 'nothing'} (${formatSize(Math.max(0, bytes))}) to keep the cache within ${formatSize(capOf(limits))}`
}

function measured(used: number, limits: AllLimits, { env, uid, now }: Context): Usage {
  return { at: now(), used, disk: diskOf(storeRoot(env, uid)).used, cap: capOf(limits), made: 0 }
}

function withMade(steps: readonly LoggedStep[], usage: Usage): Usage {
  const layers = steps.filter(({ status }) => status === 'done').map(({ layer }) => layer?.size ?? 0)
  return { ...usage, made: usage.made + COPIES * layers.reduce((sum, size) => sum + size, 0) }
}

/** A hint of a few bytes: one that was cut short is none. */
function noteUsage(root: string, usage: Usage): void {
  writing(root, pathOf(root), () => writeFileSync(pathOf(root), JSON.stringify(usage), { mode: 0o600 }))
}

function notedUsage(root: string): Usage | undefined {
  return parseUsage(readIfThere(pathOf(root))?.toString('utf8') ?? '')
}

function pathOf(root: string): string {
  return `${root}/cache/usage`
}
