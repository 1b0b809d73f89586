import { type SourceRange, TsbuildError } from '../../registry/oci/error.ts'
import { checkMode } from '../dockerfile/check.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import { readDevice } from '../dockerfile/device.ts'
import { heredocText, runForm } from '../dockerfile/heredoc.ts'
import type { AddInstruction, CopyInstruction, Instruction, RunInstruction, WorkdirInstruction } from '../dockerfile/instruction.ts'
import type { Scope } from '../dockerfile/scope.ts'
import { wordIn } from '../located.ts'
import { isNumericOwner } from '../steps/users.ts'
import {
  type CopyOperation,
  DEFAULT_HOSTNAME,
  type InlineFile,
  PLAIN_COPY,
  type PlannedHistory,
  type RunDevice,
  SCRIPT_FOLDER,
} from './graph.ts'
import { applyMetadata, commandLine } from './metadata.ts'
import { type MountSurroundings, planMounts } from './mounts.ts'
import type { Graph, StagePlan } from './plan.ts'
import { checkRemotes } from './remote-sources.ts'
import { type Base, flagRange, mountKey, type Stage } from './stages.ts'
import { type StepNames, stepNames } from './step-names.ts'

/** Where a stage is after some of its instructions. Its history and the tables in its config are its own, and grow in place. */
export interface StageState extends StagePlan {
  readonly history: PlannedHistory[]
  readonly scope: Scope
  /** CMD was set by this very stage. */
  readonly hasOwnCmd: boolean
  /** ENV was set by it: `Env` of the config is made at its end. */
  readonly hasOwnEnv: boolean
}

/** Carries a stage from its start through its instructions, adding operations to the graph. */
export function planStage(stage: Stage, graph: Graph, start: StageState, done: ReadonlyMap<number, StageState>): StageState {
  const names = stepNames(stage, { stageCount: graph.input.stages.length, wanted: graph.input.wanted, platform: graph.platformOf(stage) })
  const check = graph.checks.ofStage(stage)
  const planner = new StagePlanner(stage, graph, done, names)
  const end = stage.instructions.reduce((state, instruction) => {
    check(instruction, state)
    return planner.next(state, instruction)
  }, start)
  return end.hasOwnEnv ? { ...end, config: { ...end.config, Env: end.scope.imageEnvironment() } } : end
}

/** Name of what is mounted in the file system of a context part: a directory or a file. */
const CONTEXT_PART = 'context'

interface CopyFrom extends Pick<CopyOperation, 'from'> {
  readonly inputs: readonly number[]
  readonly label: string
}

const CONTEXT: CopyFrom = { inputs: [], from: 'context', label: 'the build context' }

class StagePlanner {
  readonly #stage: Stage
  readonly #graph: Graph
  readonly #done: ReadonlyMap<number, StageState>
  readonly #names: StepNames

  constructor(stage: Stage, graph: Graph, done: ReadonlyMap<number, StageState>, names: StepNames) {
    this.#stage = stage
    this.#graph = graph
    this.#done = done
    this.#names = names
  }

  next(state: StageState, instruction: Instruction): StageState {
    switch (instruction.kind) {
      case 'run':
        return this.#run(state, instruction)
      case 'copy':
      case 'add':
        return this.#copy(state, instruction)
      case 'workdir':
        return this.#workdir(state, instruction)
      case 'arg': {
        const words = state.scope.declareArgs(instruction).map(({ key, value }) => (value === undefined ? key : `${key}=${value}`))
        return described(state, `ARG ${words.join(' ')}`)
      }
      case 'maintainer':
        return { ...described(state, `MAINTAINER ${instruction.name}`), author: instruction.name }
      case 'onbuild': {
        const triggers = state.config.OnBuild ?? []
        triggers.push(instruction.trigger)
        return { ...state, config: { ...state.config, OnBuild: triggers } } // no history entry
      }
      case 'from':
        throw new Error('a stage holds no FROM')
      default: {
        const { config, createdBy } = applyMetadata(instruction, state)
        const [hasOwnCmd, hasOwnEnv] = [state.hasOwnCmd || instruction.kind === 'cmd', state.hasOwnEnv || instruction.kind === 'env']
        return { ...described(state, createdBy), config, hasOwnCmd, hasOwnEnv }
      }
    }
  }

  #run(state: StageState, instruction: RunInstruction): StageState {
    const { argv, script } = startOf(instruction, state)
    const { scope, config } = state
    const env = [...scope.runEnvironment()].map(([name, value]) => `${name}=${value}`)
    const network = instruction.network === undefined || instruction.network === 'default' ? this.#graph.input.network : instruction.network
    const hiddenEnv = this.#graph.proxies.filter((item) => !scope.isDeclared(item.slice(0, item.indexOf('='))))
    const inputs = [state.last]
    const mounts = planMounts(instruction, this.#mountSurroundings(state, inputs))
    const common = this.#common(instruction, inputs, scope)
    const last = this.#graph.add({
      ...common,
      kind: 'run',
      argv,
      env,
      args: scope.argNames(),
      hiddenEnv,
      user: config.User ?? '',
      cwd: config.WorkingDir ?? '/',
      network,
      insecure: instruction.security === 'insecure',
      hostname: this.#graph.input.buildArgs.get('BUILDKIT_SANDBOX_HOSTNAME') || DEFAULT_HOSTNAME,
      ...this.#graph.input.resources,
      mounts,
      devices: devicesOf(instruction),
      script,
    })
    return layered(state, last, `RUN ${scope.historyPrefix()}${argv.join(' ')} # buildkit`)
  }

  /** `inputs` grows by what the mounts need. */
  #mountSurroundings(state: StageState, inputs: number[]): MountSurroundings {
    const push = (id: number) => {
      const known = inputs.indexOf(id, 1)
      return known < 0 ? inputs.push(id) - 1 : known
    }
    return {
      expand: (value, at) => state.scope.expandWord(value, at),
      workingDir: state.config.WorkingDir ?? '/',
      cacheNamespace: this.#graph.input.buildArgs.get('BUILDKIT_CACHE_MOUNT_NS') ?? '',
      inputOf: (from, source, at) => {
        const base = from === undefined ? undefined : this.#stage.sources.get(mountKey(from))
        const part = from === undefined ? CONTEXT : base?.kind === 'tree' ? contextOf(base.name) : undefined
        if (part !== undefined) return { input: push(this.#contextPart(part, source, at)), source: CONTEXT_PART }
        return { input: push(this.#operationOf(base?.kind === 'tree' ? undefined : base, at)), source }
      },
    }
  }

  /** The part of a context that a RUN mounts, as a file system of its own: what is ignored is not in it, and its key is its content. */
  #contextPart({ from, label }: CopyFrom, source: string, at: SourceRange): number {
    const scratch = this.#graph.source(undefined, this.#graph.platformOf(this.#stage), at)
    return this.#graph.contextPart(`${label}\0${source}`, () => ({
      ...PLAIN_COPY,
      id: this.#graph.nextID,
      inputs: [scratch],
      platform: this.#graph.platformOf(this.#stage),
      at,
      name: `[internal] load ${label.replace(/^the /, '')} /${source}`,
      stage: undefined,
      from,
      fromLabel: label,
      sources: [source.replace(/[*?[\\]/g, '\\$&')],
      destination: `/${CONTEXT_PART}`,
    }))
  }

  #copy(state: StageState, instruction: CopyInstruction | AddInstruction): StageState {
    const { scope } = state
    const { at } = instruction
    const expand = (text: string) => scope.expandWord(text, at)
    const sources = instruction.sources.map(expand)
    const add = instruction.kind === 'add' ? instruction : undefined
    const checksum = add?.checksum === undefined ? undefined : expand(add.checksum)
    checkRemotes(instruction, sources, checksum)
    const destination = expand(instruction.destination)
    // Empty once expanded is as not given.
    const [chown, chmod] = [instruction.chown, instruction.chmod].map((text) => expand(text ?? '') || undefined)
    if (chmod !== undefined) checkMode(chmod, flagRange(instruction, 'chmod'))
    const link = instruction.link && chmod === undefined // BuildKit links nothing that has a --chmod
    if (link && chown !== undefined) checkLinkOwner(chown, instruction)
    const from = instruction.kind === 'copy' ? this.#from(instruction) : CONTEXT
    const last = this.#graph.add({
      ...this.#common(instruction, [state.last, ...from.inputs], scope),
      kind: 'copy',
      add: add !== undefined,
      unpack: add?.unpack,
      checksum,
      keepGitDir: add?.keepGitDir,
      from: from.from,
      fromLabel: from.label,
      sources,
      sourcesAt: instruction.sources.map((word) => wordIn(at, word)),
      chownAt: flagRange(instruction, 'chown'),
      inline: inlineFiles(instruction, scope),
      exclude: instruction.exclude,
      parents: instruction.kind === 'copy' && instruction.parents,
      link,
      destination: destinationIn(state, destination),
      chown,
      chmod,
      time: link ? 0 : this.#timeOf(state),
    } satisfies CopyOperation)
    const flags = [
      instruction.kind === 'copy' && instruction.parents ? '--parents ' : '',
      chown === undefined ? '' : `--chown=${chown} `,
      chmod === undefined ? '' : `--chmod=${chmod} `,
    ].join('')
    const names = [...sources, ...instruction.heredocs.map((heredoc) => `<<${heredoc.name}`)]
    return layered(state, last, `${instruction.kind.toUpperCase()} ${flags}${[...names, destination].join(' ')} # buildkit`)
  }

  #from(instruction: CopyInstruction): CopyFrom {
    const base = instruction.from === undefined ? undefined : this.#stage.sources.get(instruction.from)
    if (base === undefined) return CONTEXT
    if (base.kind === 'tree') return contextOf(base.name)
    const label = base.kind === 'stage' ? `stage ${instruction.from}` : `image ${base.kind === 'image' ? base.reference : 'scratch'}`
    return { inputs: [this.#operationOf(base, instruction.at)], from: 'operation', label }
  }

  #operationOf(base: Exclude<Base, { kind: 'tree' }> | undefined, at: SourceRange): number {
    if (base?.kind === 'stage') return this.#done.get(base.index)?.last ?? -1
    return this.#graph.source(base?.kind === 'image' ? base.reference : undefined, this.#graph.platformOf(this.#stage), at)
  }

  #workdir(state: StageState, instruction: WorkdirInstruction): StageState {
    const written = workingDirIn(state, state.scope.expandWord(instruction.path, instruction.at))
    const path = cleanPath(written)
    const moved = { ...state, config: { ...state.config, WorkingDir: written } }
    if (written === '/') return described(moved, 'WORKDIR /')
    const user = state.config.User ?? ''
    const last = this.#graph.add({
      ...this.#common(instruction, [state.last], state.scope),
      kind: 'mkdir',
      path,
      user,
      time: this.#timeOf(state),
    })
    return layered(moved, last, `WORKDIR ${written}`)
  }

  /**
   * What directories that a step has to make are dated: the base's time, so that equal builds make equal layers. Not SOURCE_DATE_EPOCH: a layer that was
   * made without it is found again, and rewrite-timestamp dates both alike.
   */
  #timeOf(state: StageState): number {
    const base = Date.parse(state.base?.created ?? '')
    return Number.isNaN(base) ? 0 : Math.floor(base / 1000)
  }

  #common(instruction: Instruction, inputs: readonly number[], scope: Scope) {
    return {
      id: this.#graph.nextID,
      inputs,
      name: this.#names(instruction, scope),
      at: instruction.at,
      platform: this.#graph.platformOf(this.#stage),
      stage: this.#stage.name,
    }
  }
}

function devicesOf({ flags }: RunInstruction): RunDevice[] {
  return flags.filter(({ name }) => name === 'device').map(({ value = '', at }) => ({ ...readDevice(value, at), at }))
}

/** argv of a RUN, and the file that it is when it is a script. */
function startOf(instruction: RunInstruction, state: StageState): { argv: string[]; script: InlineFile | undefined } {
  const form = runForm(instruction)
  if (form.kind === 'exec') return { argv: commandLine({ form: 'exec', argv: form.argv }, state), script: undefined }
  if (form.kind === 'shell') return { argv: commandLine({ form: 'shell', text: form.text }, state), script: undefined }
  const script = { name: form.name.replaceAll('/', '_'), content: form.text }
  return { argv: commandLine({ form: 'shell', text: `${SCRIPT_FOLDER}/${script.name}` }, state), script }
}

function contextOf(name: string): CopyFrom {
  return { inputs: [], from: { context: name }, label: `build context ${name}` }
}

function inlineFiles(instruction: CopyInstruction | AddInstruction, scope: Scope): InlineFile[] {
  return instruction.heredocs.map((heredoc) => {
    const text = heredocText(heredoc)
    return { name: heredoc.name, content: heredoc.expand ? scope.expandHeredoc(text, instruction.at) : text }
  })
}

/** There is no base to look a name up in. */
function checkLinkOwner(chown: string, instruction: Instruction): void {
  if (isNumericOwner(chown)) return
  throw new TsbuildError('DOCKERFILE_SYNTAX', `--link cannot look up the names in --chown=${chown}`, {
    at: flagRange(instruction, 'chown'),
    hint: 'write numbers, or leave --link out',
  })
}

function described(state: StageState, createdBy: string): StageState {
  state.history.push({ createdBy, operation: undefined })
  return state
}

function layered(state: StageState, last: number, createdBy: string): StageState {
  state.history.push({ createdBy, operation: last })
  return { ...state, last }
}

/** An absolute path stays as it is written, with its slashes at the end, as BuildKit has it in the configuration. */
function workingDirIn(state: StageState, path: string): string {
  return path.startsWith('/') ? path : cleanPath(below(state, path))
}

/** `..` goes up in the path as it is written, whatever is a link in the image. A slash or `/.` at the end stays, as a slash: it can only be a directory. */
function destinationIn(state: StageState, path: string): string {
  const clean = cleanPath(path.startsWith('/') ? path : below(state, path))
  return /(^|\/)\.?$/.test(path) && clean !== '/' ? `${clean}/` : clean
}

function below(state: StageState, path: string): string {
  return `${state.config.WorkingDir ?? '/'}/${path}`
}
