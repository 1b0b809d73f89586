import type { HealthcheckConfig, RunConfig } from '../../registry/oci/config.ts'
import type { Command, HealthcheckInstruction, Instruction } from '../dockerfile/instruction.ts'
import { portsOf } from '../dockerfile/ports.ts'
import { goDuration, goList, goQuotedList } from './go-format.ts'

/** Expands variables in the words of one instruction. */
export interface Expander {
  word(text: string): string
  words(text: string): string[]
}

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

const DEFAULT_SHELL = ['/bin/sh', '-c']

/** `hasOwnCmd`: the stage itself has set CMD before, so ENTRYPOINT does not clear it. */
export function applyMetadata(config: RunConfig, instruction: MetadataInstruction, expand: Expander, hasOwnCmd: boolean): Described {
  switch (instruction.kind) {
    case 'env': {
      const pairs = expandPairs(instruction.pairs, expand)
      return { config: { ...config, Env: pairs.reduce((env, [key, value]) => setVariable(env, key, value), config.Env ?? []) }, createdBy: `ENV ${joinPairs(pairs)}` }
    }
    case 'label': {
      const pairs = expandPairs(instruction.pairs, expand)
      return { config: { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs) } }, createdBy: `LABEL ${joinPairs(pairs)}` }
    }
    case 'user': {
      const user = expand.word(instruction.user)
      return { config: { ...config, User: user }, createdBy: `USER ${user}` }
    }
    case 'expose': {
      const ports = portsOf(instruction.ports.flatMap((port) => expand.words(port)), instruction.at)
      return { config: { ...config, ExposedPorts: { ...config.ExposedPorts, ...asSet(ports) } }, createdBy: `EXPOSE ${goList([...instruction.ports].sort())}` }
    }
    case 'volume': {
      const paths = instruction.paths.map((path) => expand.word(path))
      return { config: { ...config, Volumes: { ...config.Volumes, ...asSet(paths) } }, createdBy: `VOLUME ${goList(paths)}` }
    }
    case 'cmd': {
      const argv = commandLine(instruction.command, config)
      return { config: { ...config, Cmd: argv, ArgsEscaped: true }, createdBy: `CMD ${goQuotedList(argv)}` }
    }
    case 'entrypoint': {
      const argv = commandLine(instruction.command, config)
      const { Cmd, ...rest } = config
      const kept = hasOwnCmd ? config : rest
      return { config: argv.length === 0 ? without(kept, 'Entrypoint') : { ...kept, Entrypoint: argv }, createdBy: `ENTRYPOINT ${goQuotedList(argv)}` }
    }
    case 'shell':
      return { config: { ...config, Shell: [...instruction.argv] }, createdBy: `SHELL ${goList(instruction.argv)}` }
    case 'stopsignal': {
      const signal = expand.word(instruction.signal)
      return { config: { ...config, StopSignal: signal }, createdBy: `STOPSIGNAL ${signal}` }
    }
    case 'healthcheck': {
      const check = healthcheckOf(instruction)
      return { config: { ...config, Healthcheck: check }, createdBy: `HEALTHCHECK ${formatHealthcheck(check)}` }
    }
  }
}

/** argv of RUN, CMD and ENTRYPOINT: shell form behind the SHELL in force. */
export function commandLine(command: Command, config: RunConfig): string[] {
  return command.form === 'exec' ? [...command.argv] : [...(config.Shell ?? DEFAULT_SHELL), command.text]
}

/** `NAME=value` list with one variable set: in its place when it is there, else at the end. */
export function setVariable(env: readonly string[], name: string, value: string): string[] {
  const index = env.findIndex((item) => item.startsWith(`${name}=`))
  return index < 0 ? [...env, `${name}=${value}`] : env.map((item, i) => (i === index ? `${name}=${value}` : item))
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
  const durations = (['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const).map((name) => `${name}:${goDuration(check[name] ?? 0)}`)
  return `{Test:${goList(check.Test ?? [])} ${durations.join(' ')} Retries:${check.Retries ?? 0}}`
}

function nonZero(name: string, value: number | undefined): Record<string, number> {
  return value === undefined || value === 0 ? {} : { [name]: value }
}

function expandPairs(pairs: readonly { readonly key: string; readonly value: string }[], expand: Expander): [string, string][] {
  return pairs.map(({ key, value }) => [expand.word(key), expand.word(value)])
}

function joinPairs(pairs: readonly [string, string][]): string {
  return pairs.map(([key, value]) => `${key}=${value}`).join(' ')
}

function asSet(items: readonly string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(items.map((item) => [item, {}]))
}

function without(config: RunConfig, name: 'Entrypoint'): RunConfig {
  const { [name]: _, ...rest } = config
  return rest
}
