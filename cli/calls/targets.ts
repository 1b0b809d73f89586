import { targetsOf } from '../../builder/check/targets.ts'
import type { ParsedDockerfile } from '../../builder/dockerfile/instruction.ts'
import { printable } from '../printable.ts'
import { table } from '../table.ts'
import { GAP, jsonLocation, toJson } from './location.ts'

/** `--call=targets`: what can be given to --target. A stage without a name is listed where it is the default. */
export function targetsText(parsed: ParsedDockerfile): string {
  const targets = targetsOf(parsed).filter(({ name, isDefault }) => name !== undefined || isDefault)
  const rows = targets.map(({ name, isDefault, description = '' }) => [
    [...(name === undefined ? [] : [name]), ...(isDefault ? ['(default)'] : [])].join(' '),
    printable(description),
  ])
  return table([['TARGET', 'DESCRIPTION'], ...rows], GAP)
}

export function targetsJson(parsed: ParsedDockerfile, source: Uint8Array): string {
  const targets = targetsOf(parsed).map(({ name, isDefault, description, base, platform, at }) => ({
    name,
    default: isDefault || undefined,
    description,
    base,
    platform,
    location: jsonLocation(at),
  }))
  return toJson({ targets, sources: [Buffer.from(source).toString('base64')] })
}
