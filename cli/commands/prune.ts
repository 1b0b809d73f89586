import type { Limits, Rule } from '../../builder/care/choose.ts'
import { readFilters } from '../../builder/care/filters.ts'
import { TsbuildError } from '../../registry/oci/error.ts'
import { storeRoot } from '../../registry/store/root.ts'
import { diskOf } from '../care/disk.ts'
import { entryTable } from '../care/entries.ts'
import { chosen, countText, remove } from '../care/prune.ts'
import { readSpace } from '../care/sizes.ts'
import { type Context, command } from '../context.ts'
import { formatSize } from '../progress/format.ts'
import { openWorkspace } from '../wire.ts'

const SPACE = { kind: 'string', value: 'size' } as const

export const run = command(
  {
    path: ['prune'],
    summary:
      'Removes what neither a named image nor a cached step needs. With filters or limits also cached steps, snapshots, cache mounts and downloads, those unused for longest first; images that have a name stay.',
    operands: [],
    flags: {
      all: {
        kind: 'boolean',
        short: 'a',
        help: 'alone: forget all names, cached steps and cache mounts too, nothing is left; with filters or limits: take small records as well',
      },
      filter: { kind: 'list', value: 'key=value', help: 'cache that it holds for: until=24h, type=mount, id=..., shared; may be repeated' },
      'keep-storage': { ...SPACE, help: 'remove cache until it takes no more than this: 10GB, 20% of the disk' },
      'reserved-space': { ...SPACE, help: 'cache that always stays; alone as --keep-storage' },
      'max-used-space': { ...SPACE, help: 'remove cache until it takes no more than this' },
      'min-free-space': { ...SPACE, help: 'remove cache until this much of the disk is free' },
      'dry-run': { kind: 'boolean', help: 'only list what would be removed' },
      verbose: { kind: 'boolean', help: 'list what is removed' },
      force: { kind: 'boolean', short: 'f', help: '', ignored: 'nothing is asked' },
    },
  },
  async (options, _operands, context) => {
    const rules = rulesOf(options, context)
    const isTrial = options['dry-run']
    await using workspace = await openWorkspace(context, isTrial ? {} : { access: 'exclusive' })
    const { entries, bytes } = await chosen(workspace, rules, context.signal)
    if (isTrial || options.verbose) context.print(entryTable(entries))
    context.signal.throwIfAborted()
    if (!isTrial) await remove(workspace, entries)
    context.print(`${isTrial ? 'would remove' : 'removed'} ${countText(entries) || 'nothing'}: ${formatSize(Math.max(0, bytes))}\n`)
    return 0
  },
)

interface Options {
  readonly all: boolean
  readonly filter: readonly string[]
  readonly 'keep-storage': string | undefined
  readonly 'reserved-space': string | undefined
  readonly 'max-used-space': string | undefined
  readonly 'min-free-space': string | undefined
}

function rulesOf(options: Options, context: Context): readonly Rule[] | 'everything' {
  const limits = limitsOf(options, context)
  const isLimited = Object.values(limits).some((limit) => limit !== undefined)
  if (options.filter.length === 0 && !isLimited) return options.all ? 'everything' : []
  return [{ ...readFilters(options.filter), limits, all: options.all }]
}

function limitsOf(options: Options, { env, uid }: Context): Limits {
  if (options['keep-storage'] !== undefined && options['reserved-space'] !== undefined)
    throw new TsbuildError('USAGE', '--keep-storage and --reserved-space are the same', { hint: 'give one of them' })
  const names = ['keep-storage', 'reserved-space', 'max-used-space', 'min-free-space'] as const
  const [keep, reserved, maxUsed, minFree] = names.map((name) => {
    const text = options[name]
    return text === undefined ? undefined : readSpace(text, `--${name}`, text.endsWith('%') ? diskOf(storeRoot(env, uid)).size : 0)
  })
  return { reserved: keep ?? reserved, maxUsed, minFree }
}
