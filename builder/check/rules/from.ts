import { hasCode, type SourceRange } from '../../../registry/oci/error.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'
import { parseReference } from '../../../registry/oci/reference.ts'
import { expandWord, type Used } from '../../dockerfile/expand.ts'
import { AUTOMATIC_ARGS, globalArgs } from '../../dockerfile/global-args.ts'
import type { FromInstruction, ParsedDockerfile } from '../../dockerfile/instruction.ts'
import { didYouMean } from '../../dockerfile/suggest.ts'
import type { Finding } from '../rule.ts'

export interface FromValues {
  /** What FROM sees: `stageGlobals`. */
  readonly globals: ReadonlyMap<string, string>
  readonly buildArgs: ReadonlyMap<string, string>
}

/** The rules about FROM lines, of all stages. What cannot be expanded is the planner's to report. */
export function fromFindings(parsed: ParsedDockerfile, { globals, buildArgs }: FromValues): Finding[] {
  const defaults = defaultArgs(parsed, globals, buildArgs)
  const known = new Set([...globals.keys(), ...declaredGlobals(parsed)])
  return parsed.instructions.flatMap((from) => {
    if (from.kind !== 'from') return []
    const { at, platform } = from
    const image = expandQuietly(from.image, globals, parsed, at)
    const flag = platform === undefined ? undefined : expandQuietly(platform, globals, parsed, at)
    return [
      ...(defaults === undefined ? [] : invalidDefaultArg(from, parsed, defaults)),
      ...[...(image?.unset ?? []), ...(flag?.unset ?? [])].flatMap((name) => undefinedArg(name, known, at)),
      ...(flag === undefined ? [] : [...redundantPlatform(from, flag, globals), ...constantPlatform(from, flag)]),
    ]
  })
}

type Expansion = Used & { readonly text: string }

function expandQuietly(
  word: string,
  env: ReadonlyMap<string, string>,
  { directives }: ParsedDockerfile,
  at: SourceRange,
): Expansion | undefined {
  try {
    return expandWord(word, { env, escape: directives.escape, at })
  } catch (error) {
    if (hasCode(error, 'DOCKERFILE_VARIABLE')) return undefined
    throw error
  }
}

/** The global arguments of a build without --build-arg, but for automatic ones; undefined when they have no value without it. */
function defaultArgs(parsed: ParsedDockerfile, globals: ReadonlyMap<string, string>, buildArgs: ReadonlyMap<string, string>) {
  const declared = new Set(declaredGlobals(parsed))
  const automatic = new Map([...globals].filter(([name]) => !declared.has(name) || (isAutomatic(name) && buildArgs.has(name))))
  try {
    return globalArgs(parsed, new Map(), automatic)
  } catch (error) {
    if (hasCode(error, 'DOCKERFILE_VARIABLE')) return undefined
    throw error
  }
}

function isAutomatic(name: string): boolean {
  return AUTOMATIC_ARGS.some((known) => known === name)
}

function declaredGlobals({ instructions }: ParsedDockerfile): string[] {
  const first = instructions.findIndex(({ kind }) => kind === 'from')
  const before = first < 0 ? instructions : instructions.slice(0, first)
  return before.flatMap((arg) => (arg.kind === 'arg' ? arg.args.map(({ key }) => key) : []))
}

/** InvalidDefaultArgInFrom: whoever builds the file without arguments gets no image. */
function invalidDefaultArg({ image, at }: FromInstruction, parsed: ParsedDockerfile, defaults: ReadonlyMap<string, string>): Finding[] {
  const expansion = expandQuietly(image, defaults, parsed, at)
  if (expansion === undefined || expansion.used.size === 0 || isReference(expansion.text)) return []
  const what = expansion.text === '' ? 'is empty' : `is ${JSON.stringify(expansion.text)}, which is no image`
  return [{ rule: 'InvalidDefaultArgInFrom', message: `without build arguments the base name ${image} ${what}`, at }]
}

function isReference(text: string): boolean {
  try {
    parseReference(text)
    return true
  } catch (error) {
    if (hasCode(error, 'REFERENCE_INVALID')) return false
    throw error
  }
}

function undefinedArg(name: string, known: ReadonlySet<string>, at: SourceRange): Finding[] {
  if (known.has(name)) return []
  return [
    { rule: 'UndefinedArgInFrom', message: `no ARG before the first FROM declares ${name}${suggestion(name, known)}`, at, symbol: name },
  ]
}

function suggestion(name: string, known: ReadonlySet<string>): string {
  const hint = didYouMean(name, known)
  return hint === undefined ? '' : ` (${hint})`
}

/** RedundantTargetPlatform: nothing but $TARGETPLATFORM, which is the default. */
function redundantPlatform(
  { platform, at, flags }: FromInstruction,
  { used, unset, text }: Expansion,
  globals: ReadonlyMap<string, string>,
): Finding[] {
  if (used.size !== 1 || unset.size !== 0 || !used.has('TARGETPLATFORM') || text !== globals.get('TARGETPLATFORM')) return []
  return [{ rule: 'RedundantTargetPlatform', message: `--platform=${platform} is the default: leave it out`, at: flagAt(flags) ?? at }]
}

/** FromPlatformFlagConstDisallowed: unless the stage's name tells that it is for that platform. */
function constantPlatform({ stageName = '', at, flags }: FromInstruction, { used, text }: Expansion): Finding[] {
  const platform = used.size === 0 ? platformOf(text) : undefined
  if (platform === undefined || stageName.includes(platform.os) || stageName.includes(platform.architecture)) return []
  const message = `--platform=${text} is a constant: the image cannot be built for another platform`
  return [{ rule: 'FromPlatformFlagConstDisallowed', message, at: flagAt(flags) ?? at }]
}

function platformOf(text: string) {
  try {
    return parsePlatform(text)
  } catch (error) {
    if (hasCode(error, 'PLATFORM_INVALID')) return undefined
    throw error
  }
}

function flagAt(flags: FromInstruction['flags']): SourceRange | undefined {
  return flags.find(({ name }) => name === 'platform')?.at
}
