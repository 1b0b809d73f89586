import { digestOf } from '../../registry/oci/digest.ts'
import type { Operation, Step } from '../plan/graph.ts'

/** What tells a step from others beside its key: by it is found what the step was before it changed. Never part of a key. */
export interface StepTraits {
  /** Digest of which Dockerfile it is in. */
  readonly project: string
  /** Digest of what it does: the command of a RUN, the sources of a COPY, the path of a WORKDIR. */
  readonly subject: string
  /** The instruction, as progress shows it. */
  readonly title: string
  /** What it goes on with: the title of a step, or the reference of an image and the digest of its manifest. */
  readonly parent: { readonly title: string; readonly image?: string | undefined }
  /** Digest of the list of files that a COPY takes. */
  readonly files?: string | undefined
}

/** `files`: the digest of the list of what a COPY takes. */
export function traitsOf(operation: Step, operations: readonly Operation[], project: string, files?: string): StepTraits {
  const parent = operations[operation.inputs[0] ?? -1]
  return { project, subject: subjectOf(operation), title: titleOf(operation.name), parent: parentOf(parent), files }
}

/** Of every step of a plan: a step that is in the plan is nobody's past. */
export function subjectsOf(operations: readonly Operation[]): ReadonlySet<string> {
  return new Set(operations.flatMap((operation) => (operation.kind === 'source' ? [] : subjectOf(operation))))
}

function subjectOf(operation: Step): string {
  switch (operation.kind) {
    case 'run':
      return digestOf(JSON.stringify(['run', operation.argv, operation.script]))
    case 'copy': {
      const { add, fromLabel, sources, inline, exclude, parents } = operation
      return digestOf(JSON.stringify(['copy', add, fromLabel, sources, inline, exclude, parents]))
    }
    case 'mkdir':
      return digestOf(JSON.stringify(['mkdir', operation.path]))
  }
}

function parentOf(operation: Operation | undefined): StepTraits['parent'] {
  if (operation === undefined) return { title: 'scratch' }
  if (operation.kind !== 'source') return { title: titleOf(operation.name) }
  return { title: operation.image?.reference ?? 'scratch', image: operation.image?.manifest }
}

/** Without its stage and number. */
function titleOf(name: string): string {
  return name.replace(/^\[[^\]]*\] /, '')
}
