import type { Instruction, ParsedDockerfile } from '../../dockerfile/instruction.ts'
import { wordIn } from '../../located.ts'
import type { Finding } from '../rule.ts'

const RESERVED = ['scratch', 'context']

/** DuplicateStageName, at each later one: it hides the earlier stage from all that follows. */
export function duplicateStageName({ instructions }: ParsedDockerfile): Finding[] {
  const seen = new Map<string, number>()
  return instructions.flatMap((from) => {
    if (from.kind !== 'from' || from.stageName === undefined) return []
    const { stageName, at } = from
    const earlier = seen.get(stageName)
    seen.set(stageName, at.startLine)
    if (earlier === undefined) return []
    return [
      {
        rule: 'DuplicateStageName',
        message: `stage name ${JSON.stringify(stageName)} is taken by line ${earlier}`,
        at: wordIn(at, stageName),
      },
    ]
  })
}

/** ReservedStageName: FROM scratch is no image, and --build-context context is the context. */
export function reservedStageName({ instructions }: ParsedDockerfile): Finding[] {
  return instructions.flatMap((from) => {
    if (from.kind !== 'from' || from.stageName === undefined || !RESERVED.includes(from.stageName)) return []
    return [
      {
        rule: 'ReservedStageName',
        message: `${JSON.stringify(from.stageName)} means something else and cannot name a stage well`,
        at: wordIn(from.at, from.stageName),
      },
    ]
  })
}

export function maintainerDeprecated({ instructions }: ParsedDockerfile): Finding[] {
  return instructions.flatMap(({ kind, at }) =>
    kind === 'maintainer'
      ? [{ rule: 'MaintainerDeprecated', message: 'MAINTAINER is deprecated: write LABEL org.opencontainers.image.authors=...', at }]
      : [],
  )
}

/** InvalidDefinitionDescription: the last comment line directly above FROM ... AS and ARG begins with the name that it describes. */
export function invalidDefinitionDescription({ instructions }: ParsedDockerfile): Finding[] {
  return instructions.flatMap((instruction) => {
    const names = definedNames(instruction)
    const first = instruction.comments.at(-1)?.split(' ', 1)[0]
    if (first === undefined || first.startsWith('check=') || names.length === 0 || names.includes(first)) return []
    const message = `the comment above should begin with ${names.length === 1 ? names[0] : `one of ${names.slice(0, 5).join(', ')}`}`
    return [{ rule: 'InvalidDefinitionDescription', message, at: instruction.at }]
  })
}

function definedNames(instruction: Instruction): readonly string[] {
  if (instruction.kind === 'arg') return instruction.args.map(({ key }) => key)
  return instruction.kind === 'from' && instruction.stageName !== undefined ? [instruction.stageName] : []
}

/** What a comment above FROM ... AS and ARG says about `name`: `# name what it is`. */
export function descriptionOf(name: string, comments: readonly string[]): string | undefined {
  return comments
    .find((comment) => comment.startsWith(`${name} `))
    ?.slice(name.length + 1)
    .trim()
}
