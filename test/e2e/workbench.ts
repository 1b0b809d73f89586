import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { busyboxImage } from '../../fixtures/busybox.ts'
import { realFolder } from '../../fixtures/cli.ts'
import { HELPER, helperWith, noSandbox } from '../../fixtures/sandbox.ts'
import { type Addon, openAddon } from '../../native/addon.ts'
import { bytesOfText } from '../../native/wire.ts'
import { packageRoot } from '../package-root.ts'

export const TSBUILD = join(packageRoot(), 'tsbuild')

/** How a command of the real CLI ended. */
export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs. */
export interface Running {
  readonly pid: number
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves when the pattern is found in standard error, rejects when the command ends before. */
  said(pattern: RegExp): Promise<void>
  /** Resolves with what the pattern finds in standard output, rejects when the command ends before. */
  printed(pattern: RegExp): Promise<string>
  kill(signal: NodeJS.Signals): void
}

export interface CommandOptions {
  /** Added to the environment; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Standard input; without it there is none. */
  readonly input?: string | Uint8Array
}

/** A folder with a store, a context and a home of its own, and the real `tsbuild` to be run over them as a child process. */
export class Workbench implements AsyncDisposable {
  readonly folder: string
  readonly native: Addon
  /** Also in the environment of every command, so that leftovers can be told. */
  readonly mark: string
  readonly #running = new Set<Running>()

  private constructor(folder: string) {
    this.folder = folder
    this.mark = `TSBUILD_WORKBENCH=${folder}`
    this.native = openAddon(join(dirname(HELPER), 'tsbuild_addon.node'))
  }

  static async create(): Promise<Workbench> {
    const bench = new Workbench(realFolder('e2e'))
    for (const name of ['context', 'home']) mkdirSync(join(bench.folder, name), { mode: 0o700 })
    return bench
  }

  get store(): string {
    return join(this.folder, 'store')
  }
  get context(): string {
    return join(this.folder, 'context')
  }
  get layout(): string {
    return join(this.folder, 'layout')
  }

  /** Puts a base with a shell into the store under the name `base`. */
  async addBase(): Promise<void> {
    await busyboxImage(this.native, this.layout)
    await this.expect(['pull', '-q', '--name', 'base', `oci:${this.layout}:busybox`])
  }

  /** Writes a file below the bench's folder. */
  write(path: string, content: string | Uint8Array, mode = 0o644): string {
    const whole = join(this.folder, path)
    mkdirSync(dirname(whole), { recursive: true })
    writeFileSync(whole, content)
    chmodSync(whole, mode)
    return whole
  }

  /** Leads a process group of its own, as in a shell. */
  start(args: readonly string[], options: CommandOptions = {}): Running {
    const child = spawn(TSBUILD, args, {
      cwd: this.folder,
      env: environment(this, options.env),
      detached: true,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    child.stdin?.on('error', () => undefined) // it may end without reading
    child.stdin?.end(options.input)
    const running = follow(child, args)
    this.#running.add(running)
    void running.ended.finally(() => this.#running.delete(running)).catch(() => undefined)
    return running
  }

  run(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
    return this.start(args, options).ended
  }

  /** Runs a command that must succeed; resolves to its standard output, trimmed. */
  async expect(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    const ended = await this.run(args, options)
    if (ended.status !== 0) throw new Error(`tsbuild ${args.join(' ')}: ${ended.status ?? ended.signal}\n${ended.stderr}`)
    return ended.stdout.trim()
  }

  /** Builds `context` with this Dockerfile. */
  build(dockerfile: string, args: readonly string[] = [], options: CommandOptions = {}): Promise<Ended> {
    return this.run([...this.buildOf(dockerfile), ...args, this.context], options)
  }

  /** The words of a build with this Dockerfile, without the context. */
  buildOf(dockerfile: string): string[] {
    const file = this.write('Dockerfile', dockerfile)
    return ['build', '--progress=plain', '-f', file]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of this.#running) running.kill('SIGKILL')
    await Promise.all([...this.#running].map((running) => running.ended))
    await this.native[Symbol.asyncDispose]()
    await removeFolder(this.folder)
  }
}

/**
 * Gives the tests of a `describe` a bench with a base, and takes it away after them; they are skipped where there is no sandbox. `begin` gets it once the
 * base is there.
 */
export function withBench(begin: (bench: Workbench) => void | Promise<void>): void {
  let bench: Workbench | undefined
  before(async function () {
    const missing = noSandbox()
    if (missing !== undefined) return void this.skip()
    bench = await Workbench.create()
    await bench.addBase()
    await begin(bench)
  })
  after(() => bench?.[Symbol.asyncDispose]())
}

/** The lines that steps printed, without the numbers and times before them. */
export function output({ stderr }: Pick<Ended, 'stderr'>): (string | undefined)[] {
  return [...stderr.matchAll(/^#\d+ \d+\.\d+ (.*)$/gm)].map(([, line]) => line)
}

function environment(bench: Workbench, more: CommandOptions['env'] = {}): Record<string, string | undefined> {
  return {
    PATH: process.env.PATH,
    TSBUILD_TEST_RUN: process.env.TSBUILD_TEST_RUN,
    HOME: join(bench.folder, 'home'),
    TSBUILD_ROOT: bench.store,
    TSBUILD_NATIVE: 'require',
    TSBUILD_WORKBENCH: bench.folder,
    ...more,
  }
}

function follow(child: ChildProcess, args: readonly string[]): Running {
  const text = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (piece: string) => {
      text[name] += piece
      for (const watch of watchers) watch()
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      resolve({ status, signal, ...text })
    })
  })
  const found = (name: 'stdout' | 'stderr', pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const watch = () => {
        const [match] = pattern.exec(text[name]) ?? []
        if (match === undefined) return
        watchers.delete(watch)
        resolve(match)
      }
      watchers.add(watch)
      watch()
      ended.then(({ stderr }) => reject(new Error(`tsbuild ${args.join(' ')} never said ${pattern}:\n${stderr}`)), reject)
    })
  const said = async (pattern: RegExp) => void (await found('stderr', pattern))
  const printed = (pattern: RegExp) => found('stdout', pattern)
  return { pid: child.pid ?? -1, child, ended, said, printed, kill: (signal) => void child.kill(signal) }
}

/** Trees of a store belong to ids that only the helper may remove. */
async function removeFolder(folder: string): Promise<void> {
  const helper = await helperWith('auto')
  if (typeof helper === 'string') return rmSync(folder, { recursive: true, force: true })
  await helper.remove([bytesOfText(folder)])
  await helper[Symbol.asyncDispose]()
}
