import { formatPlatform, type Platform } from '../../registry/oci/platform.ts'
import type { Instruction } from '../dockerfile/instruction.ts'
import type { Scope } from '../dockerfile/scope.ts'
import { stepTitle } from '../dockerfile/title.ts'
import type { Stage } from './stages.ts'

/** The name of a step, at the point of its stage that `scope` is at. */
export type StepNames = (instruction: Instruction, scope: Scope) => string

interface Surroundings {
  readonly stageCount: number
  readonly platform: Platform
  readonly wanted: { readonly platform: Platform; readonly isOneOfSeveral: boolean }
}

const TARGET_ARGS = ['TARGETPLATFORM', 'TARGETOS', 'TARGETARCH', 'TARGETVARIANT']

/**
 * `[build 2/4] RUN make`; the stage's name is left out when there is one stage. A FROM of an image counts as a step. Of a build for several platforms
 * `[linux/amd64->arm64 build 2/4] RUN make`: the stage's platform, and that of the image where the stage has asked for it.
 */
export function stepNames(stage: Stage, { stageCount, platform, wanted }: Surroundings): StepNames {
  const steps = stage.instructions.filter(({ kind }) => kind === 'run' || kind === 'copy' || kind === 'add' || kind === 'workdir')
  const offset = stage.base.kind === 'image' ? 1 : 0
  const numbers = new Map(steps.map((step, index) => [step, `${index + 1 + offset}/${steps.length + offset}`]))
  const name = stageCount === 1 ? '' : `${stage.name ?? `stage-${stage.index}`} `
  return (instruction, scope) => {
    const knowsTarget = TARGET_ARGS.some((arg) => scope.isDeclared(arg))
    const prefix = wanted.isOneOfSeveral ? `${formatPlatform(platform)}${knowsTarget ? crossing(platform, wanted.platform) : ''} ` : ''
    return `[${prefix}${name}${numbers.get(instruction)}] ${stepTitle(instruction)}`
  }
}

/** `->arm/v7`: what of the target is not as in the stage; nothing where they are the same. */
function crossing(from: Platform, to: Platform): string {
  if (from.os !== to.os) return `->${formatPlatform(to)}`
  if (from.architecture !== to.architecture) return `->${[to.architecture, ...(to.variant === undefined ? [] : [to.variant])].join('/')}`
  return from.variant === to.variant || to.variant === undefined ? '' : `->${to.variant}`
}
