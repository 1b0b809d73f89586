import type { FromInstruction, Instruction, ParsedDockerfile } from '../dockerfile/instruction.ts'

/** What a stage starts from. */
export type Base =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly index: number }
  | { readonly kind: 'image'; readonly reference: string }

/** One FROM up to the next; `index` counts all stages of the file from 0. */
export interface Stage {
  readonly index: number
  /** In lower case. */
  readonly name?: string
  readonly base: Base
  /** Expanded `--platform`. */
  readonly platform?: string
  /** Without the FROM. */
  readonly instructions: readonly Instruction[]
  readonly from: FromInstruction
  /** Indexes of the stages it needs: its base and its COPY --from, without repeats, ascending. */
  readonly dependencies: readonly number[]
}

export interface PlanOptions {
  /** Stage to build; the last one when undefined. */
  readonly target?: string | undefined
  /** `--build-arg` values. */
  readonly buildArgs: ReadonlyMap<string, string>
  /** TARGETPLATFORM, BUILDPLATFORM and the like. TARGETSTAGE is added here. */
  readonly platformArgs: ReadonlyMap<string, string>
}

export type { ParsedDockerfile }
