import { cleanPath } from '../../dockerfile/clean-path.ts'
import type { IgnoreMatcher } from '../../dockerfile/ignore.ts'
import type { Instruction } from '../../dockerfile/instruction.ts'
import { readPort } from '../../dockerfile/ports.ts'
import { remoteSource } from '../../dockerfile/sources.ts'
import type { Finding } from '../rule.ts'

/** Expands with the variables of the point where the instruction stands. */
export interface Values {
  word(text: string): string
  words(text: string): string[]
}

const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i
const HARMLESS = /(?:_|^)(?:public|file|version)(?:_|$)/i

/** SecretsUsedInArgOrEnv: by the words of the name. */
export function secretsUsed(instruction: Instruction, { word }: Values): Finding[] {
  const keys =
    instruction.kind === 'arg'
      ? instruction.args.map(({ key }) => key)
      : instruction.kind === 'env'
        ? instruction.pairs.map(({ key }) => word(key))
        : []
  return keys
    .filter((key) => SECRET.test(key) && !HARMLESS.test(key))
    .map((key) => ({
      rule: 'SecretsUsedInArgOrEnv',
      message: `${instruction.kind.toUpperCase()} ${JSON.stringify(key)} seems to hold a secret, and everybody with the image could read it: use RUN --mount=type=secret`,
      at: instruction.at,
    }))
}

export function legacyKeyValue(instruction: Instruction): Finding[] {
  if ((instruction.kind !== 'env' && instruction.kind !== 'label') || !instruction.legacy) return []
  const keyword = instruction.kind.toUpperCase()
  return [{ rule: 'LegacyKeyValueFormat', message: `write ${keyword} key=value instead of ${keyword} key value`, at: instruction.at }]
}

/** ExposeProtoCasing and ExposeInvalidFormat, of the words once expanded. What is no port at all is the planner's to report. */
export function exposedPorts(instruction: Instruction, { words }: Values): Finding[] {
  if (instruction.kind !== 'expose') return []
  const { at } = instruction
  return instruction.ports.flatMap(words).flatMap((port): Finding[] => {
    const [, protocol = ''] = port.split('/', 2)
    const upper = protocol !== protocol.toLowerCase()
    return [
      ...(upper
        ? [{ rule: 'ExposeProtoCasing' as const, message: `the protocol of ${JSON.stringify(port)} should be in lower case`, at }]
        : []),
      ...(readPort(port)?.hostPart
        ? [
            {
              rule: 'ExposeInvalidFormat' as const,
              message: `${JSON.stringify(port)} names an address or a port of the host, which an image does not have`,
              at,
            },
          ]
        : []),
    ]
  })
}

/** CopyIgnoredFile: of what is left out with all that is below it. The whole context is left out only where a rule says all of it, and none lets anything in. */
export function copyIgnored(instruction: Instruction, { word }: Values, ignore: IgnoreMatcher): Finding[] {
  if (instruction.kind !== 'add' && (instruction.kind !== 'copy' || instruction.from !== undefined)) return []
  if (ignore.rules.length === 0) return []
  return instruction.sources.flatMap((written): Finding[] => {
    const source = word(written)
    const rule = remoteSource(source) === undefined ? ruleThatIgnores(cleanPath(`/${source}`).slice(1), ignore) : undefined
    if (rule === undefined) return []
    const message = `${instruction.kind.toUpperCase()} of ${JSON.stringify(source)}, which line ${rule.line} of the ignore file leaves out (${rule.text})`
    return [{ rule: 'CopyIgnoredFile', message, at: instruction.at }]
  })
}

const EVERYTHING = ['*', '**', '**/*']

function ruleThatIgnores(path: string, ignore: IgnoreMatcher): { line: number; text: string } | undefined {
  const isFinal = !ignore.rules.some(({ text }) => text.startsWith('!'))
  if (path === '') return isFinal ? ignore.rules.find(({ text }) => EVERYTHING.includes(cleanPath(text).replace(/^\//, ''))) : undefined
  const { ignored, rule } = ignore.matches(path)
  return ignored && (isFinal || ignore.canPrune(fixedPart(path))) ? rule : undefined
}

/** The directories of a source before the first that is a pattern. */
function fixedPart(path: string): string {
  const pattern = path.search(/[*?[\\]/)
  return pattern < 0 ? path : path.slice(0, Math.max(0, path.lastIndexOf('/', pattern)))
}
