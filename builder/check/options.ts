import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import type { Instruction, ParsedDockerfile } from '../dockerfile/instruction.ts'
import { didYouMean } from '../dockerfile/suggest.ts'
import { type Finding, isRuleName, RULES } from './rule.ts'

/** `skip=A,B;error=true;experimental=C`, read. */
export interface CheckOptions {
  readonly skip: RuleSet
  readonly experimental: RuleSet
  /** What BuildKit's rules find fails the build. */
  readonly error: boolean
  /** Names that are no rules, and what else was not understood. */
  readonly problems: readonly Finding[]
}

export type RuleSet = 'all' | ReadonlySet<string>

/** The build argument that stands in for the `# check=` directive. */
export const CHECK_ARG = 'BUILDKIT_DOCKERFILE_CHECK'

/** The options of a whole build. Throws CHECK_OPTION for one that cannot be read. */
export function checkOptionsOf({ directives }: ParsedDockerfile, buildArgs: ReadonlyMap<string, string>): CheckOptions {
  const given = buildArgs.get(CHECK_ARG)
  return given === undefined ? readOptions(directives.check ?? '', directives.checkAt) : readOptions(given, undefined)
}

/** The options in a `# check=` comment directly above an instruction; `error` means nothing there. What cannot be read is a problem, not an error. */
export function instructionOptions({ comments, at }: Pick<Instruction, 'comments' | 'at'>): CheckOptions | undefined {
  const text = comments.map((comment) => /^check\s*=\s*(.*)$/i.exec(comment)?.[1]).find((value) => value !== undefined)
  if (text === undefined) return undefined
  try {
    return readOptions(text, at)
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error
    return { ...NONE, problems: [{ rule: 'InvalidCheckOption', message: error.message, at, hint: error.hint }] }
  }
}

const NONE = { skip: new Set<string>(), experimental: new Set<string>(), error: false }

function readOptions(whole: string, at: SourceRange | undefined): CheckOptions {
  const [text = '', ...more] = whole.trim().split(/\s+/)
  const options: { skip: RuleSet; experimental: RuleSet; error: boolean } = { ...NONE }
  const parts = text === '' ? [] : text.split(';')
  if (parts.length > 3) throw broken('more than three options', text, at)
  for (const part of parts) {
    const equals = part.indexOf('=')
    const [key, value] = equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)]
    if (equals >= 0 && (key === 'skip' || key === 'experimental')) options[key] = value === 'all' ? 'all' : new Set(value.split(','))
    else if (equals >= 0 && key === 'error' && /^(?:1|t|true|0|f|false)$/i.test(value)) options.error = /^(?:1|t|true)$/i.test(value)
    else throw broken(`invalid check option ${JSON.stringify(part)}`, text, at)
  }
  return { ...options, problems: problemsOf(options, more, at) }
}

function broken(problem: string, text: string, at: SourceRange | undefined): TsbuildError {
  const message = problem.includes(text) ? problem : `${problem} in ${JSON.stringify(text)}`
  return new TsbuildError('CHECK_OPTION', message, {
    at,
    hint: 'write skip=Rule,Rule or skip=all, error=true, experimental=Rule, with ; between',
  })
}

function problemsOf(
  { skip, experimental }: Pick<CheckOptions, 'skip' | 'experimental'>,
  more: readonly string[],
  at: SourceRange | undefined,
): Finding[] {
  const names = [skip, experimental].flatMap((set) => (set === 'all' ? [] : [...set]))
  const unknown = names.filter((name) => !isRuleName(name))
  const problem = (message: string, hint: string): Finding => ({ rule: 'InvalidCheckOption', message, hint, at })
  return [
    ...unknown.map((name) =>
      problem(`no rule is called ${JSON.stringify(name)}`, didYouMean(name, Object.keys(RULES)) ?? 'docs/rules/README.md lists them'),
    ),
    ...(more[0] === undefined || more[0].startsWith('//')
      ? []
      : [problem(`what comes after white space does not count: ${JSON.stringify(more.join(' '))}`, 'write no spaces')]),
  ]
}
