import { checkMode } from '../dockerfile/check.ts'
import { cleanPath } from '../dockerfile/clean-path.ts'
import { heredocText, runForm } from '../dockerfile/heredoc.ts'
import type { AddInstruction, CopyInstruction, Instruction, RunInstruction, WorkdirInstruction } from '../dockerfile/instruction.ts'
import type { Scope } from '../dockerfile/scope.ts'
import { stepTitle } from '../dockerfile/title.ts'
import { unsupported } from '../dockerfile/unsupported.ts'
import type { CopyOperation, InlineFile } from './graph.ts'
import { applyMetadata, commandLine } from './metadata.ts'
import type { Graph, StagePlan } from './plan.ts'
import { canExecute, foreignRun } from './platforms.ts'
import { checkRemotes } from './remote-sources.ts'
import type { Stage } from './stages.ts'

/** Where a stage is after some of its instructions. */
export interface StageState extends StagePlan {
  readonly scope: Scope
  /** CMD was set by this very stage. */
  readonly hasOwnCmd: boolean
}

/** Carries a stage from its start through its instructions, adding operations to the graph. */
export function planStage(stage: Stage, graph: Graph, start: StageState, done: ReadonlyMap<number, StageState>): StageState {
  const names = stepNames(stage, graph.input.stages.length)
  return stage.instructions.reduce((state, instruction) => new StagePlanner(stage, graph, done, names).next(state, instruction), start)
}

type StepNames = ReadonlyMap<Instruction, string>

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
      case 'onbuild':
        return { ...state, config: { ...state.config, OnBuild: [...(state.config.OnBuild ?? []), instruction.trigger] } } // no history entry
      case 'from':
        throw new Error('a stage holds no FROM')
      default: {
        const { config, createdBy } = applyMetadata(state.config, instruction, state.scope, state.hasOwnCmd)
        return { ...described(state, createdBy), config, hasOwnCmd: state.hasOwnCmd || instruction.kind === 'cmd' }
      }
    }
  }

  #run(state: StageState, instruction: RunInstruction): StageState {
    const { machine } = this.#graph.input
    if (!canExecute(state.platform, machine)) throw foreignRun(state.platform, machine, instruction.at)
    const form = runForm(instruction)
    if (form.kind === 'script')
      throw unsupported('a RUN heredoc that begins with #!', instruction.at, 'name the interpreter: RUN python3 <<EOF')
    const argv = commandLine(form.kind === 'exec' ? { form: 'exec', argv: form.argv } : { form: 'shell', text: form.text }, state.config)
    const { scope, config } = state
    const env = [...scope.runEnvironment()].map(([name, value]) => `${name}=${value}`)
    const network = instruction.network === undefined || instruction.network === 'default' ? this.#graph.input.network : instruction.network
    const hiddenEnv = this.#graph.proxies.filter((item) => !scope.isDeclared(item.slice(0, item.indexOf('='))))
    const common = this.#common(instruction, [state.last])
    const last = this.#graph.add({
      ...common,
      kind: 'run',
      argv,
      env,
      hiddenEnv,
      user: config.User ?? '',
      cwd: config.WorkingDir ?? '/',
      network,
    })
    return layered(state, last, `RUN ${scope.historyPrefix()}${argv.join(' ')} # buildkit`)
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
    const [chown, chmod] = [instruction.chown, instruction.chmod].map((text) => (text === undefined ? undefined : expand(text)))
    if (chmod !== undefined) checkMode(chmod, at)
    const from = instruction.kind === 'copy' ? this.#from(instruction) : CONTEXT
    const last = this.#graph.add({
      ...this.#common(instruction, [state.last, ...from.inputs]),
      kind: 'copy',
      add: add !== undefined,
      unpack: add?.unpack,
      checksum,
      keepGitDir: add?.keepGitDir,
      from: from.from,
      fromLabel: from.label,
      sources,
      inline: inlineFiles(instruction, scope),
      destination: absolute(state, destination === '' ? '.' : destination),
      chown: chown === '' ? undefined : chown,
      chmod,
      time: this.#timeOf(state),
    } satisfies CopyOperation)
    const flags = [chown === undefined ? '' : `--chown=${chown} `, chmod === undefined ? '' : `--chmod=${chmod} `].join('')
    const names = [...sources, ...instruction.heredocs.map((heredoc) => `<<${heredoc.name}`)]
    return layered(state, last, `${instruction.kind.toUpperCase()} ${flags}${[...names, destination].join(' ')} # buildkit`)
  }

  #from(instruction: CopyInstruction): CopyFrom {
    const base = instruction.from === undefined ? undefined : this.#stage.sources.get(instruction.from)
    if (base === undefined) return CONTEXT
    if (base.kind === 'tree') return { inputs: [], from: { context: base.name }, label: `build context ${base.name}` }
    if (base.kind === 'stage')
      return { inputs: [this.#done.get(base.index)?.last ?? -1], from: 'operation', label: `stage ${instruction.from}` }
    const reference = base.kind === 'image' ? base.reference : undefined
    const source = this.#graph.source(reference, this.#graph.platformOf(this.#stage), instruction.at)
    return { inputs: [source], from: 'operation', label: `image ${reference}` }
  }

  #workdir(state: StageState, instruction: WorkdirInstruction): StageState {
    const path = cleanPath(absolute(state, state.scope.expandWord(instruction.path, instruction.at)))
    const moved = { ...state, config: { ...state.config, WorkingDir: path } }
    if (path === '/') return described(moved, 'WORKDIR /')
    const user = state.config.User ?? ''
    const last = this.#graph.add({ ...this.#common(instruction, [state.last]), kind: 'mkdir', path, user, time: this.#timeOf(state) })
    return layered(moved, last, `WORKDIR ${path}`)
  }

  /**
   * What directories that a step has to make are dated: the base's time, so that equal builds make equal layers. Not SOURCE_DATE_EPOCH: a layer that was
   * made without it is found again, and rewrite-timestamp dates both alike.
   */
  #timeOf(state: StageState): number {
    const base = Date.parse(state.base?.created ?? '')
    return Number.isNaN(base) ? 0 : Math.floor(base / 1000)
  }

  #common(instruction: Instruction, inputs: readonly number[]) {
    const name = this.#names.get(instruction) ?? stepTitle(instruction)
    return { id: this.#graph.nextID, inputs, name, at: instruction.at, platform: this.#graph.platformOf(this.#stage) }
  }
}

/** `[build 2/4] RUN make`; the stage's name is left out when there is one stage. A FROM of an image counts as a step. */
function stepNames(stage: Stage, stageCount: number): StepNames {
  const steps = stage.instructions.filter(({ kind }) => kind === 'run' || kind === 'copy' || kind === 'add' || kind === 'workdir')
  const offset = stage.base.kind === 'image' ? 1 : 0
  const prefix = stageCount === 1 ? '' : `${stage.name ?? `stage-${stage.index}`} `
  return new Map(steps.map((step, index) => [step, `[${prefix}${index + 1 + offset}/${steps.length + offset}] ${stepTitle(step)}`]))
}

function inlineFiles(instruction: CopyInstruction | AddInstruction, scope: Scope): InlineFile[] {
  return instruction.heredocs.map((heredoc) => {
    const text = heredocText(heredoc)
    return { name: heredoc.name, content: heredoc.expand ? scope.expandHeredoc(text, instruction.at) : text }
  })
}

function described(state: StageState, createdBy: string): StageState {
  return { ...state, history: [...state.history, { createdBy, operation: undefined }] }
}

function layered(state: StageState, last: number, createdBy: string): StageState {
  return { ...state, last, history: [...state.history, { createdBy, operation: last }] }
}

/** Relative paths are below the working directory; a trailing slash stays, since COPY reads it. */
function absolute(state: StageState, path: string): string {
  const dir = state.config.WorkingDir ?? '/'
  return path.startsWith('/') ? path : `${dir.replace(/\/$/, '')}/${path}`
}
