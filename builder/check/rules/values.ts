import type { SourceRange } from '../../../registry/oci/error.ts'
import { cleanPath } from '../../dockerfile/clean-path.ts'
import type { IgnoreMatcher } from '../../dockerfile/ignore.ts'
import type { Instruction } from '../../dockerfile/instruction.ts'
import { readPort } from '../../dockerfile/ports.ts'
import { remoteSource } from '../../dockerfile/sources.ts'
import { wordIn } from '../../located.ts'
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
      ? instruction.args.map(({ key }) => ({ key, written: key }))
      : instruction.kind === 'env'
        ? instruction.pairs.map(({ key }) => ({ key: word(key), written: key }))
        : []
  return keys
    .filter(({ key }) => SECRET.test(key) && !HARMLESS.test(key))
    .map(({ key, written }) => ({
      rule: 'SecretsUsedInArgOrEnv',
      message: `${instruction.kind.toUpperCase()} ${JSON.stringify(key)} seems to hold a secret, and everybody with the image could read it: use RUN --mount=type=secret`,
      at: wordIn(instruction.at, written),
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
  return instruction.ports.flatMap((written) => words(written).flatMap((port) => badPort(port, wordIn(instruction.at, written))))
}

function badPort(port: string, at: SourceRange): Finding[] {
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
}

/** CopyIgnoredFile: silent when a negation in the ignore file may let in something of the source. */
export function copyIgnored(instruction: Instruction, { word }: Values, ignore: IgnoreMatcher): Finding[] {
  if (instruction.kind !== 'add' && (instruction.kind !== 'copy' || instruction.from !== undefined)) return []
  return instruction.sources.flatMap((written): Finding[] => {
    const source = word(written)
    const rule = remoteSource(source) === undefined ? ignore.leavesOut(cleanPath(`/${source}`).slice(1)) : undefined
    if (rule === undefined) return []
    const message = `${instruction.kind.toUpperCase()} of ${JSON.stringify(source)}, which line ${rule.line} of the ignore file leaves out (${rule.text})`
    return [{ rule: 'CopyIgnoredFile', message, at: wordIn(instruction.at, written) }]
  })
}
