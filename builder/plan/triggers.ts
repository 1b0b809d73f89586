import type { BaseImage } from '../deps.ts'
import { checkInstruction } from '../dockerfile/check.ts'
import type { Instruction } from '../dockerfile/instruction.ts'
import { parseTrigger } from '../dockerfile/parse.ts'
import { imageKey } from './platforms.ts'
import type { Platforms, Stage } from './stages.ts'

/** What the bases of stages have them do first, by the index of the stage. */
export type Triggers = ReadonlyMap<number, readonly Instruction[]>

/** The ONBUILD triggers of the images that stages start from. Dockerfile reference, "ONBUILD". Throws DOCKERFILE_SYNTAX at the FROM. */
export function imageTriggers(stages: readonly Stage[], platforms: Platforms, images: ReadonlyMap<string, BaseImage>): Triggers {
  const triggers = new Map<number, readonly Instruction[]>()
  for (const { index, base, from } of stages) {
    const platform = platforms.get(index)
    if (base.kind !== 'image' || platform === undefined) continue
    const texts = images.get(imageKey(base.reference, platform, from.at))?.config.config?.OnBuild ?? []
    const instructions = texts.map((text) => parseTrigger(text, from.at))
    for (const instruction of instructions) checkInstruction(instruction)
    if (instructions.length > 0) triggers.set(index, instructions)
  }
  return triggers
}

/** The triggers of a stage that another one is built FROM: its own, not those it was itself built by. */
export function stageTriggers(instructions: readonly Instruction[]): Instruction[] {
  return instructions.flatMap((instruction) =>
    instruction.kind === 'onbuild' ? [{ ...instruction.instruction, source: `ONBUILD ${instruction.instruction.source}` }] : [],
  )
}
