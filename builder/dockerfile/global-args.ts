import { expandWord } from './expand.ts'
import type { ArgInstruction, Instruction, ParsedDockerfile } from './instruction.ts'
import { suggest } from './suggest.ts'

/**
 * What FROM may use: automatic arguments (TARGETPLATFORM, ...) and the ARGs before the first FROM, each with its `--build-arg` value, else its default
 * (which may use those before it). One without any value is not in the map. Throws DOCKERFILE_VARIABLE.
 */
export function globalArgs(
  parsed: ParsedDockerfile,
  buildArgs: ReadonlyMap<string, string>,
  automatic: ReadonlyMap<string, string>,
): Map<string, string> {
  const globals = new Map(automatic)
  for (const name of automatic.keys()) {
    const given = buildArgs.get(name)
    if (given !== undefined) globals.set(name, given)
  }
  for (const { at, args } of globalArgInstructions(parsed.instructions))
    for (const { key, value } of args) {
      const given = buildArgs.get(key)
      if (given !== undefined) globals.set(key, given)
      else if (value !== undefined) globals.set(key, expandWord(value, { env: globals, escape: parsed.directives.escape, at }).text)
    }
  return globals
}

function globalArgInstructions(instructions: readonly Instruction[]): ArgInstruction[] {
  const firstFrom = instructions.findIndex((instruction) => instruction.kind === 'from')
  return instructions.slice(0, firstFrom < 0 ? undefined : firstFrom).filter((instruction) => instruction.kind === 'arg')
}

/** Names the builder itself defines for every stage, once declared there. */
export const AUTOMATIC_ARGS = [
  'BUILDPLATFORM',
  'BUILDOS',
  'BUILDOSVERSION',
  'BUILDARCH',
  'BUILDVARIANT',
  'TARGETPLATFORM',
  'TARGETOS',
  'TARGETOSVERSION',
  'TARGETARCH',
  'TARGETVARIANT',
  'TARGETSTAGE',
] as const

const PROXY = /^(?:https?|ftp|no|all)_proxy$/i

/** HTTP_PROXY and its kin in any case: they reach RUN undeclared, and are in neither history nor cache key unless declared. */
export function isProxyArg(name: string): boolean {
  return PROXY.test(name)
}

/** The proxy values among `args`, each in upper and lower case as programs look for both. */
export function proxyEnvironment(args: ReadonlyMap<string, string>): Map<string, string> {
  const proxies = new Map<string, string>()
  for (const [name, value] of args) if (isProxyArg(name)) proxies.set(name.toUpperCase(), value).set(name.toLowerCase(), value)
  return proxies
}

/** `--build-arg` names that no ARG declares and nothing else uses, with what was perhaps meant. */
export function unusedBuildArgs(parsed: ParsedDockerfile, names: Iterable<string>): { name: string; suggestion: string | undefined }[] {
  const declared = new Set<string>(AUTOMATIC_ARGS)
  for (const instruction of parsed.instructions) {
    const arg = instruction.kind === 'onbuild' ? instruction.instruction : instruction
    if (arg.kind === 'arg') for (const { key } of arg.args) declared.add(key)
  }
  const unused = [...names].filter(
    (name) => !declared.has(name) && !isProxyArg(name) && !name.startsWith('BUILDKIT_') && name !== 'SOURCE_DATE_EPOCH',
  )
  return unused.map((name) => ({ name, suggestion: suggest(name, declared) }))
}
