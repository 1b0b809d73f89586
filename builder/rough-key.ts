import { digestOf } from '../registry/oci/digest.ts'
import { identityOf } from './chain.ts'
import type { LayerRef } from './deps.ts'
import type { KeyInputs } from './plan/cache-key.ts'
import type { Step } from './plan/graph.ts'

/**
 * What a step takes, told by the file systems that it takes it from and not by the files: where those are the same, so are the files. Under a key of this a
 * record is found without looking into any layer, which may not even be here. Undefined for a step that takes nothing from another.
 */
export function roughTaking(operation: Step, inputs: readonly (readonly LayerRef[])[]): Pick<KeyInputs, 'content' | 'shown'> | undefined {
  const identity = (input: number) => identityOf(inputs[input] ?? [])
  if (operation.kind === 'copy' && operation.from === 'operation') {
    const { sources, inline, exclude, parents } = operation
    return { content: digestOf(JSON.stringify(['of', identity(1), sources, inline, exclude, parents])) }
  }
  if (operation.kind !== 'run' || !operation.mounts.some((mount) => mount.kind === 'bind' && mount.source !== '')) return undefined
  const shown = operation.mounts.map((mount) => {
    if (mount.kind === 'cache') return mount.seed === undefined ? '' : identity(mount.seed)
    if (mount.kind !== 'bind') return ''
    return mount.source === '' ? identity(mount.input) : `${mount.source} of ${identity(mount.input)}`
  })
  return { shown }
}
