import type { ParsedDockerfile } from '../dockerfile/instruction.ts'
import type { Finding } from './rule.ts'
import { consistentInstructionCasing, fromAsCasing, stageNameCasing } from './rules/casing.ts'
import { duplicateStageName, invalidDefinitionDescription, maintainerDeprecated, reservedStageName } from './rules/names.ts'

/** What the text alone tells, of all stages. */
export function textFindings(parsed: ParsedDockerfile): Finding[] {
  const rules = [
    stageNameCasing,
    fromAsCasing,
    consistentInstructionCasing,
    duplicateStageName,
    reservedStageName,
    maintainerDeprecated,
    invalidDefinitionDescription,
  ]
  return [...parsed.warnings, ...rules.flatMap((rule) => rule(parsed))]
}
