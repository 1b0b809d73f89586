import type { SourceRange } from '../../registry/oci/error.ts'
import type { Instruction } from '../dockerfile/instruction.ts'

/** A secret, ssh socket or cache that a RUN mounts, as it is written: variables are not expanded. */
export interface MountUse {
  readonly kind: 'secret' | 'ssh' | 'cache'
  readonly id: string
  /** The command is not run without it. */
  readonly required: boolean
  readonly at: SourceRange
}

/** What the RUNs of a stage ask the caller for. Mounts that are no such thing, or say nothing, are left out. */
export function mountUses(instructions: readonly Instruction[]): MountUse[] {
  return instructions.flatMap((run) => {
    if (run.kind !== 'run') return []
    const flags = run.flags.filter(({ name }) => name === 'mount')
    return flags.flatMap(({ value = '', at }) => useOf(optionsOf(value), at) ?? [])
  })
}

function useOf(options: ReadonlyMap<string, string>, at: SourceRange): MountUse | undefined {
  const target = options.get('target') ?? options.get('dst') ?? options.get('destination')
  const required = isTrue(options.get('required'))
  switch (options.get('type')) {
    case 'secret': {
      const id = options.get('id') ?? target?.split('/').at(-1) ?? options.get('env')
      return id === undefined ? undefined : { kind: 'secret', id, required, at }
    }
    case 'ssh':
      return { kind: 'ssh', id: options.get('id') ?? 'default', required, at }
    case 'cache': {
      const id = options.get('id') ?? target
      return id === undefined ? undefined : { kind: 'cache', id, required: false, at }
    }
    default:
      return undefined
  }
}

/** `a=b,"c=d,e",f` -> a: `b`, c: `d,e`, f: `true`. */
function optionsOf(text: string): Map<string, string> {
  const fields = text.match(/(?:"(?:[^"]|"")*"|[^,"])+/g) ?? []
  return new Map(
    fields.map((field) => {
      const plain = field.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"')
      const equals = plain.indexOf('=')
      return equals < 0 ? [plain.toLowerCase(), 'true'] : [plain.slice(0, equals).toLowerCase(), plain.slice(equals + 1)]
    }),
  )
}

function isTrue(text: string | undefined): boolean {
  return /^(?:1|t|true)$/i.test(text ?? '')
}
