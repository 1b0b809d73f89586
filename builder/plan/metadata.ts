import type { HealthcheckConfig, RunConfig } from '../../registry/oci/config.ts'
import type { Platform } from '../../registry/oci/platform.ts'
import { checkPort, checkSignal, checkVolumes } from '../dockerfile/check.ts'
import type { Command, HealthcheckInstruction, Instruction, Pair } from '../dockerfile/instruction.ts'
import type { Scope } from '../dockerfile/scope.ts'
import { wordIn } from '../located.ts'
import { goDuration, goList, goQuotedList } from './go-format.ts'

/** Instructions that change nothing but the image config. */
export type MetadataInstruction = Extract<
  Instruction,
  { kind: 'env' | 'label' | 'user' | 'expose' | 'volume' | 'cmd' | 'entrypoint' | 'shell' | 'stopsignal' | 'healthcheck' }
>

/** The config after an instruction, and its entry in the history (`created_by`, as BuildKit writes it). */
export interface Described {
  readonly config: RunConfig
  readonly createdBy: string
}

/** What an instruction has to know of its stage. */
export interface Surroundings {
  readonly config: RunConfig
  readonly scope: Scope
  readonly platform: Platform
  /** The stage itself has set CMD before, so ENTRYPOINT does not clear it. */
  readonly hasOwnCmd: boolean
}

/** Moves `scope` on where the instruction sets variables; the tables of `config` grow in place, `Env` is made at the end of the stage. */
export function applyMetadata(instruction: MetadataInstruction, stage: Surroundings): Described {
  const { config, scope, hasOwnCmd } = stage
  const { at } = instruction
  switch (instruction.kind) {
    case 'env': {
      const pairs = scope.setEnv(instruction)
      return { config, createdBy: `ENV ${joinPairs(pairs)}` }
    }
    case 'label': {
      const pairs = scope.expandPairs(instruction)
      const labels = pairs.map(({ key, value }) => [key, value] as const)
      return { config: { ...config, Labels: putAll(config.Labels, labels) }, createdBy: `LABEL ${joinPairs(pairs)}` }
    }
    case 'user': {
      const user = scope.expandWord(instruction.user, at)
      return { config: { ...config, User: user }, createdBy: `USER ${user}` }
    }
    case 'expose': {
      // BuildKit sorts them as they are written.
      const ports = [...instruction.ports]
        .sort()
        .flatMap((port) => scope.expandWords(port, at).flatMap((word) => checkPort(word, wordIn(at, port))))
      return {
        config: { ...config, ExposedPorts: putAll(config.ExposedPorts, asSet(ports)) },
        createdBy: `EXPOSE ${goList(ports)}`,
      }
    }
    case 'volume': {
      const paths = instruction.paths.map((path) => scope.expandWord(path, at))
      checkVolumes(paths, at)
      return { config: { ...config, Volumes: putAll(config.Volumes, asSet(paths)) }, createdBy: `VOLUME ${goList(paths)}` }
    }
    case 'cmd': {
      const argv = commandLine(instruction.command, stage)
      return { config: { ...config, Cmd: argv, ArgsEscaped: true }, createdBy: `CMD ${goQuotedList(argv)}` }
    }
    case 'entrypoint': {
      const argv = commandLine(instruction.command, stage)
      const { Cmd, ...rest } = config
      const kept = hasOwnCmd ? config : rest
      return {
        config: argv.length === 0 ? without(kept, 'Entrypoint') : { ...kept, Entrypoint: argv },
        createdBy: `ENTRYPOINT ${goQuotedList(argv)}`,
      }
    }
    case 'shell':
      return { config: { ...config, Shell: [...instruction.argv] }, createdBy: `SHELL ${goList(instruction.argv)}` }
    case 'stopsignal': {
      const signal = scope.expandWord(instruction.signal, at)
      checkSignal(signal, wordIn(at, instruction.signal))
      return { config: { ...config, StopSignal: signal }, createdBy: `STOPSIGNAL ${signal}` }
    }
    case 'healthcheck': {
      const check = healthcheckOf(instruction)
      return { config: { ...config, Healthcheck: check }, createdBy: `HEALTHCHECK ${formatHealthcheck(check)}` }
    }
  }
}

/** argv of RUN, CMD and ENTRYPOINT: shell form behind the SHELL in force. */
export function commandLine(command: Command, { config, platform }: Pick<Surroundings, 'config' | 'platform'>): string[] {
  if (command.form === 'exec') return [...command.argv]
  return [...(config.Shell?.length ? config.Shell : defaultShell(platform)), command.text]
}

function defaultShell({ os }: Platform): readonly string[] {
  return os === 'windows' ? ['cmd', '/S', '/C'] : ['/bin/sh', '-c']
}

function healthcheckOf(instruction: HealthcheckInstruction): HealthcheckConfig {
  if (instruction.command === undefined) return { Test: ['NONE'] }
  const test = instruction.command.form === 'exec' ? ['CMD', ...instruction.command.argv] : ['CMD-SHELL', instruction.command.text]
  return {
    Test: test,
    ...nonZero('Interval', instruction.intervalNs),
    ...nonZero('Timeout', instruction.timeoutNs),
    ...nonZero('StartPeriod', instruction.startPeriodNs),
    ...nonZero('StartInterval', instruction.startIntervalNs),
    ...nonZero('Retries', instruction.retries),
  }
}

function formatHealthcheck(check: HealthcheckConfig): string {
  const durations = (['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const).map(
    (name) => `${name}:${goDuration(check[name] ?? 0)}`,
  )
  return `{Test:${goList(check.Test ?? [])} ${durations.join(' ')} Retries:${check.Retries ?? 0}}`
}

function nonZero(name: string, value: number | undefined): Record<string, number> {
  return value === undefined || value === 0 ? {} : { [name]: value }
}

function joinPairs(pairs: readonly Pair[]): string {
  return pairs.map(({ key, value }) => `${key}=${value}`).join(' ')
}

function asSet(items: readonly string[]): (readonly [string, Record<string, unknown>])[] {
  return items.map((item) => [item, {}])
}

/** Into the table itself: a copy for each instruction would be one of all before it. Defined, not set, since a key may be `__proto__`. */
function putAll<T>(table: Record<string, T> | null | undefined, entries: readonly (readonly [key: string, value: T])[]): Record<string, T> {
  const all = table ?? {}
  for (const [key, value] of entries) Object.defineProperty(all, key, { value, enumerable: true, configurable: true, writable: true })
  return all
}

function without(config: RunConfig, name: 'Entrypoint'): RunConfig {
  const { [name]: _, ...rest } = config
  return rest
}
