import type { SourceRange } from '../../registry/oci/error.ts'

interface Rule {
  /** What is wrong where it fires, for lists and for the JSON of --call=check. */
  readonly summary: string
  /** Off unless `# check=experimental=` asks for it. */
  readonly experimental?: true
  /** Unknown to BuildKit: never fails a build by `error=true`, so that what builds there builds here. */
  readonly own?: true
}

/** All build checks by name. BuildKit's names and conditions (its reference, "Build checks"), our words; each has a page in docs/rules. */
export const RULES = {
  StageNameCasing: { summary: 'A stage name has upper-case letters' },
  FromAsCasing: { summary: 'FROM and AS are written in different cases' },
  NoEmptyContinuation: { summary: 'A blank line stands inside a continued instruction' },
  ConsistentInstructionCasing: { summary: 'Instructions are written in different cases' },
  DuplicateStageName: { summary: 'Two stages have the same name' },
  ReservedStageName: { summary: 'A stage has a name that means something else' },
  JSONArgsRecommended: { summary: 'The main process is started through a shell' },
  MaintainerDeprecated: { summary: 'MAINTAINER is deprecated' },
  UndefinedArgInFrom: { summary: 'FROM uses a variable that no ARG before it declares' },
  UndefinedVar: { summary: 'A variable is used that nothing defines' },
  WorkdirRelativePath: { summary: 'The first WORKDIR is relative to whatever the base image says' },
  MultipleInstructionsDisallowed: { summary: 'Only the last instruction of this kind counts' },
  LegacyKeyValueFormat: { summary: 'A key and its value are separated by white space' },
  InvalidBaseImagePlatform: { summary: 'The base image is for another platform' },
  RedundantTargetPlatform: { summary: '--platform repeats the default' },
  FromPlatformFlagConstDisallowed: { summary: '--platform is a constant' },
  SecretsUsedInArgOrEnv: { summary: 'ARG or ENV seems to hold a secret' },
  InvalidDefaultArgInFrom: { summary: 'Without build arguments FROM names no image' },
  CopyIgnoredFile: { summary: 'An ignored file is to be copied' },
  ExposeProtoCasing: { summary: 'The protocol of EXPOSE has upper-case letters' },
  ExposeInvalidFormat: { summary: 'EXPOSE names an address or a port of the host' },
  InvalidDefinitionDescription: { summary: 'The comment above a stage or argument describes something else', experimental: true },
  UnusedBuildArg: { summary: 'No ARG declares a --build-arg', own: true },
  InvalidCheckOption: { summary: 'A check option names no rule', own: true },
} as const satisfies Readonly<Record<string, Rule>>

export type RuleName = keyof typeof RULES

export function isRuleName(name: string): name is RuleName {
  return Object.hasOwn(RULES, name)
}

export function ruleOf(name: RuleName): Rule {
  return RULES[name]
}

/** One place where a rule fires. `at` is missing for what stands in no Dockerfile, as a --build-arg. */
export interface Finding {
  readonly rule: RuleName
  /** One line with the offending value. */
  readonly message: string
  readonly at?: SourceRange | undefined
  /** The name or keyword at fault as it is written, for who wants to point below the instruction. */
  readonly symbol?: string | undefined
  /** What to do about it, where the message alone does not tell. */
  readonly hint?: string | undefined
}

/** The page about a rule, relative to the top of the project: `docs/rules/stage-name-casing.md`. */
export function pageOf(rule: RuleName): string {
  const words = rule.replace(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3-$2$4')
  return `docs/rules/${words.toLowerCase()}.md`
}
