import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { wordIn } from '../located.ts'
import { expandHeredoc, expandWord, expandWords, type Used } from './expand.ts'
import type { ArgInstruction, EnvInstruction, LabelInstruction, Pair, Warning } from './instruction.ts'
import { suggest } from './suggest.ts'

export interface ScopeOptions {
  /** Values of ARGs before the first FROM and of automatic arguments (`globalArgs`). */
  readonly globals: ReadonlyMap<string, string>
  readonly buildArgs: ReadonlyMap<string, string>
  readonly escape: string
  /** Told what expansion finds unset, of forks too. */
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

/** Arguments that speak to the builder and never become environment. */
const NEVER_ENV = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE'])

/** Nobody reads more, and looking for the nearest of many names takes its time. */
const MAX_SUGGESTIONS = 100

/**
 * The variables at one point of a stage: first those of the base image, then ENV and ARG as they come, the later one wins. Begun once a stage
 * (`new Scope`, or `fork` of the stage it is built FROM) and moved along its instructions.
 */
export class Scope {
  /** UndefinedVar: what expansion found unset so far. */
  readonly warnings: Warning[] = []
  readonly #options: ScopeOptions
  /** What the image config holds: the base's Env and ENV. */
  readonly #image: Map<string, string>
  /** What RUN and expansion see: that and ARG. */
  readonly #all: Map<string, string>
  /** ARGs in the order first declared; undefined: declared, without a value. */
  readonly #args: Map<string, string | undefined>

  /** `env` is the `Env` of the base image's config, `NAME=value` each. */
  constructor(env: readonly string[], options: ScopeOptions) {
    this.#options = options
    this.#image = new Map(env.map(splitAtEquals))
    this.#all = new Map(this.#image)
    this.#args = new Map()
  }

  /** The same variables for a stage built FROM this one; the two go apart from here. */
  fork(): Scope {
    const scope = new Scope([], this.#options)
    for (const [name, value] of this.#image) scope.#image.set(name, value)
    for (const [name, value] of this.#all) scope.#all.set(name, value)
    for (const [name, value] of this.#args) scope.#args.set(name, value)
    return scope
  }

  /**
   * ARG: the value is that of --build-arg, else the default, else that of the global ARG or automatic argument of this name, else none. Defaults may use
   * arguments to their left. Returns names and values for the history (`ARG k=v`, `ARG k`).
   */
  declareArgs({ args, at }: Pick<ArgInstruction, 'args' | 'at'>): { key: string; value: string | undefined }[] {
    return args.map(({ key, value }) => {
      const given = this.#options.buildArgs.get(key)
      const own = given ?? (value === undefined ? this.#options.globals.get(key) : this.expandWord(value, at))
      this.#args.set(key, own)
      if (own !== undefined && !NEVER_ENV.has(key)) this.#all.set(key, own)
      return { key, value: own }
    })
  }

  /** ENV: every key and value is expanded with the variables before the instruction. Returns them expanded. */
  setEnv(instruction: Pick<EnvInstruction, 'pairs' | 'at' | 'kind'>): Pair[] {
    const pairs = this.expandPairs(instruction)
    for (const { key, value } of pairs) {
      this.#image.set(key, value)
      this.#all.set(key, value)
    }
    return pairs
  }

  /** Keys and values of ENV or LABEL. Throws DOCKERFILE_SYNTAX for a key that is blank once expanded. */
  expandPairs({ pairs, at, kind }: Pick<EnvInstruction | LabelInstruction, 'pairs' | 'at' | 'kind'>): Pair[] {
    return pairs.map(({ key, value }) => {
      const name = this.expandWord(key, at)
      if (name === '') throw new TsbuildError('DOCKERFILE_SYNTAX', `${kind.toUpperCase()} names can not be blank`, { at })
      return { key: name, value: this.expandWord(value, at) }
    })
  }

  /** Expands a word as `expandWord` of expand.ts does, with the variables of now. */
  expandWord(word: string, at: SourceRange): string {
    const expansion = expandWord(word, { env: this.#all, escape: this.#options.escape, at: wordIn(at, word) })
    this.#warn(expansion, at)
    return expansion.text
  }

  /** For EXPOSE: one word may become several. */
  expandWords(text: string, at: SourceRange): string[] {
    const expansion = expandWords(text, { env: this.#all, escape: this.#options.escape, at: wordIn(at, text) })
    this.#warn(expansion, at)
    return expansion.words
  }

  /** Content of an unquoted heredoc of COPY or ADD. */
  expandHeredoc(text: string, at: SourceRange): string {
    const expansion = expandHeredoc(text, { env: this.#all, at })
    this.#warn(expansion, at)
    return expansion.text
  }

  /** What a RUN sees now, proxies aside: part of its cache key. */
  runEnvironment(): ReadonlyMap<string, string> {
    return new Map(this.#all)
  }

  /** `Env` of the image config. */
  imageEnvironment(): string[] {
    return [...this.#image].map(([name, value]) => `${name}=${value}`)
  }

  /** True once ARG declared it in this stage or one below: then a proxy argument counts as any other. */
  isDeclared(name: string): boolean {
    return this.#args.has(name)
  }

  /** Of the arguments that were declared so far, but those that an ENV of the same name hides. */
  argNames(): ReadonlySet<string> {
    return new Set([...this.#args.keys()].filter((name) => !this.#image.has(name)))
  }

  /** What stands between `RUN ` and the command in history: `|2 a=1 b=2 `, empty without ARGs. Values are those a RUN sees. */
  historyPrefix(): string {
    if (this.#args.size === 0) return ''
    const values = [...this.#args].map(([name, value]) => `${name}=${this.#all.get(name) ?? value ?? ''}`)
    return `|${values.length} ${values.join(' ')} `
  }

  #warn({ unset }: Used, at: SourceRange): void {
    for (const name of unset) {
      // Declared without a value: then it is empty on purpose.
      if (this.#args.has(name) || NEVER_ENV.has(name)) continue
      const near = this.warnings.length < MAX_SUGGESTIONS ? suggest(name, new Set([...this.#all.keys(), ...this.#args.keys()])) : undefined
      const hint = near === undefined ? '' : ` (did you mean $${near}?)`
      const warning = { rule: 'UndefinedVar', message: `Usage of undefined variable '$${name}'${hint}`, at, symbol: name } as const
      this.warnings.push(warning)
      this.#options.onWarning?.(warning)
    }
  }
}

function splitAtEquals(entry: string): [string, string] {
  const equals = entry.indexOf('=')
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)]
}
