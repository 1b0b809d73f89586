import { once } from 'node:events'
import { didYouMean } from '../builder/dockerfile/suggest.ts'
import { TsbuildError } from '../registry/oci/error.ts'
import type { CommandRun, Context, ProgressMode } from './context.ts'
import { printFailure } from './failure.ts'
import { printableLines } from './printable.ts'
import { startProgress } from './progress/start.ts'
import { VERSION } from './version.ts'

interface Entry {
  readonly summary: string
  readonly load: () => Promise<{ readonly run: CommandRun }>
}

/** Each command's file is loaded when it is asked for. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  build: { summary: 'build an image from a Dockerfile', load: () => import('./commands/build.ts') },
  push: { summary: 'publish an image in a registry', load: () => import('./commands/push.ts') },
  pull: { summary: 'fetch an image from a registry or an image layout', load: () => import('./commands/pull.ts') },
  run: { summary: 'run a command in an image', load: () => import('./commands/run.ts') },
  images: { summary: 'list images', load: () => import('./commands/images.ts') },
  inspect: { summary: 'show manifest and config of an image', load: () => import('./commands/inspect.ts') },
  why: { summary: 'tell why the steps of an image were done', load: () => import('./commands/why.ts') },
  tag: { summary: 'give an image one more name', load: () => import('./commands/tag.ts') },
  rmi: { summary: 'remove names of images', load: () => import('./commands/rmi.ts') },
  du: { summary: 'tell what takes how much of the disk', load: () => import('./commands/du.ts') },
  prune: { summary: 'remove what no image needs', load: () => import('./commands/prune.ts') },
  login: { summary: 'keep credentials of a registry', load: () => import('./commands/login.ts') },
  logout: { summary: 'forget credentials of a registry', load: () => import('./commands/logout.ts') },
  'context ls': { summary: 'list what a build would use of its context', load: () => import('./commands/context-ls.ts') },
  'store check': { summary: 'prove that the store is sound', load: () => import('./commands/store-check.ts') },
  'registry serve': { summary: 'serve the store as a registry', load: () => import('./commands/registry-serve.ts') },
  doctor: { summary: 'tell which isolation this machine allows', load: () => import('./commands/doctor.ts') },
  version: { summary: 'print versions', load: () => import('./commands/version.ts') },
}

/** Runs one command line and returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 or 143 interrupted; `run` gives the command's own. */
async function main(words: readonly string[], context: Context): Promise<number> {
  try {
    const [name, rest] = commandName(words[0] === 'help' ? [...words.slice(1), '--help'] : words)
    if (name === undefined) {
      context.print(overview())
      return 0
    }
    const entry = COMMANDS[name]
    if (entry === undefined) throw unknownCommand(name)
    return await (await entry.load()).run(rest, context)
  } catch (error) {
    return printFailure(error, context)
  }
}

function commandName(words: readonly string[]): [string | undefined, readonly string[]] {
  const [first, second] = words
  if (first === undefined || first === '--help' || first === '-h') return [undefined, []]
  if (first === '--version' || first === '-v') return ['version', words.slice(1)]
  if (second !== undefined && `${first} ${second}` in COMMANDS) return [`${first} ${second}`, words.slice(2)]
  return [first, words.slice(1)]
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`)
  return `Usage: tsbuild COMMAND [OPTIONS]\n\nBuilds container images without root and without a daemon, and publishes them.\n\nCommands:\n${lines.join('\n')}\n\nEach command has --help.\n`
}

function unknownCommand(name: string): TsbuildError {
  return new TsbuildError('USAGE', `unknown command ${JSON.stringify(name)}`, {
    hint: groupHint(name) ?? didYouMean(name, Object.keys(COMMANDS)) ?? 'see tsbuild --help',
  })
}

/** `store` and `registry` are the first words of commands. */
function groupHint(name: string): string | undefined {
  const commands = Object.keys(COMMANDS).filter((command) => command.startsWith(`${name} `))
  return commands.length === 0 ? undefined : `there is ${commands.join(', ')}`
}

/** A second signal ends the program at once; all it leaves is removed by the next run. */
function signals(): AbortSignal {
  const abort = new AbortController()
  for (const [name, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(name, () => {
      if (abort.signal.aborted) process.exit(status)
      abort.abort(new TsbuildError('INTERRUPTED', `interrupted by ${name}`, { cause: { status } }))
    })
  }
  return abort.signal
}

/** A stream of the process, opened when it is first written to: that takes milliseconds. */
function lazily(open: () => NodeJS.WriteStream): () => NodeJS.WriteStream {
  let stream: NodeJS.WriteStream | undefined
  return () => {
    stream ??= open().on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(141) // the reader is gone, as when piped into head
    })
    return stream
  }
}

function write(stream: () => NodeJS.WriteStream): (text: string) => void {
  return (text) => void stream().write(printableLines(text))
}

/** Resolves once there is room for more. */
function writer(stream: () => NodeJS.WriteStream): (bytes: Uint8Array) => Promise<void> {
  return async (bytes) => {
    if (!stream().write(bytes)) await once(stream(), 'drain')
  }
}

async function readInput(maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk))
    size += chunk.length
    if (size > maxBytes) throw new TsbuildError('INPUT_TOO_LARGE', `standard input is longer than ${maxBytes} bytes`)
  }
  return Buffer.concat(chunks)
}

const signal = signals()
const stdout = lazily(() => process.stdout)
const stderr = lazily(() => process.stderr)
const context: Context = {
  version: VERSION,
  env: process.env,
  cwd: process.cwd(),
  uid: process.geteuid?.() ?? 0,
  signal,
  now: Date.now,
  get stdin() {
    return process.stdin // opened when it is first asked for
  },
  readInput,
  sources: new Map(),
  print: write(stdout),
  printError: write(stderr),
  writeBytes: writer(stdout),
  writeErrorBytes: writer(stderr),
  progress: (mode: ProgressMode) => startProgress(mode, { stream: stderr, now: Date.now, env: process.env, signal }),
}
void main(process.argv.slice(2), context).then((status) => {
  process.exitCode = status
})
