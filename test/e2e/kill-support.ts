import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { noSandbox } from '../../fixtures/sandbox.ts'
import { familyOf, leftovers } from './leftovers.ts'
import { type Running, Workbench } from './workbench.ts'

const BIG = 12 << 20
const FILES = 200

/** Why these tests cannot run here. */
export function notHere(): string | undefined {
  return noSandbox() ?? (spawnSync('skopeo', ['--version']).status === 0 ? undefined : 'no skopeo (apt-get install skopeo)')
}

export type Ending = 'SIGKILL' | 'SIGINT' | 'SIGTERM'
const STATUS = { SIGKILL: null, SIGINT: 130, SIGTERM: 143 } as const

/** A command that is killed again and again. */
export interface KillTrial extends AsyncDisposable {
  readonly bench: Workbench
  /** How long the command takes when nobody disturbs it. */
  readonly lengthMs: number
  /** Ends it with this signal at this moment, sees what is left, and runs it again. False when it had ended before. */
  endAt(momentMs: number, signal: Ending): Promise<boolean>
}

export async function openTrial(kind: keyof typeof VICTIMS): Promise<KillTrial> {
  const [bench, shelf] = [await Workbench.create(), await Workbench.create()]
  const close = async () => {
    for (const used of [bench, shelf]) await used[Symbol.asyncDispose]()
  }
  try {
    const registry = shelf.start(['registry', 'serve', '--listen', '127.0.0.1:0', '-q'])
    await bench.addBase()
    const victim = VICTIMS[kind](bench, await registry.printed(/127\.0\.0\.1:\d+/))
    const lengthMs = await undisturbed(bench, victim)
    return { bench, lengthMs, endAt: (momentMs, signal) => endAt(bench, victim, { momentMs, signal }), [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

/** One kind of command: what precedes it each time, its words then, and what holds once it went through. */
interface Victim {
  prepare(): Promise<readonly string[]>
  proves(): void
}

const VICTIMS = {
  build: (bench: Workbench): Victim => ({
    prepare: async () => {
      renew(bench)
      return [...bench.buildOf(dockerfileOf(bench)), '-t', 'app', bench.context]
    },
    proves: () => readable(`oci:${bench.store}:docker.io/library/app:latest`),
  }),

  /** Stages that go on at the same time, whose steps are new each time. */
  parallel: (bench: Workbench): Victim => ({
    prepare: async () => [...bench.buildOf(stagesOf(randomBytes(4).toString('hex'))), '-t', 'app', bench.context],
    proves: () => readable(`oci:${bench.store}:docker.io/library/app:latest`),
  }),

  /** A new image under a new name each time. */
  push: (bench: Workbench, host: string): Victim => {
    let name = ''
    return {
      prepare: async () => {
        name = `${host}/pushed/${randomBytes(4).toString('hex')}:1`
        await buildBig(bench, ['-t', 'local'])
        return ['push', 'local', name]
      },
      proves: () => readable(`docker://${name}`),
    }
  },

  /** An image of which nothing is left here. */
  pull: (bench: Workbench, host: string): Victim => {
    const name = `${host}/to-pull:1`
    let isPushed = false
    return {
      prepare: async () => {
        if (!isPushed) await buildBig(bench, ['-t', name, '--push'])
        isPushed = true
        await bench.expect(['prune', '--all'])
        return ['pull', name]
      },
      proves: () => readable(`oci:${bench.store}:${name}`),
    }
  },
}

async function buildBig(bench: Workbench, args: readonly string[]): Promise<void> {
  for (const file of ['one', 'two']) bench.write(`context/${file}`, randomBytes(BIG))
  const { status, stderr } = await bench.build('FROM base\nCOPY one /\nCOPY two /\n', args)
  assert.equal(status, 0, stderr)
}

/** Steps of every kind: COPY of many files and of a big one, RUN of a setuid program and a daemon, RUN that changes much. */
export function dockerfileOf({ folder }: Workbench, end = ''): string {
  return [
    'FROM base',
    "RUN cp /bin/busybox /bin/setuid && chmod 4755 /bin/setuid && ln -sf setuid /bin/su && sed -i 's/^root:x:/root::/' /etc/passwd",
    'COPY files /files',
    'USER nobody',
    // By an ordinary user, as root; the last word tells whose they are.
    `RUN /bin/su root -c "setsid sh -c 'while sleep 1; do :; done' ${folder} & sh -c 'sleep 0.3; id -u' ${folder}"`,
    'USER root',
    'RUN cp -r /files /more && rm -rf /files/1* && echo done',
    end,
  ].join('\n')
}

function stagesOf(fresh: string): string {
  const names = ['a', 'b', 'c', 'd']
  const stage = (name: string) =>
    `FROM base AS ${name}\nRUN echo ${fresh} > /${name}1; sleep 0.1\nRUN --mount=type=cache,target=/c cp /bin/busybox /${name}2; echo x >> /c/${name}\nRUN sleep 0.1; echo > /${name}3\n`
  return `${names.map(stage).join('')}FROM base\n${names.map((name) => `COPY --from=${name} /${name}2 /${name}3 /\n`).join('')}`
}

/** Makes the context new, so that every step that depends on it is. */
export function renew(bench: Workbench): void {
  for (let i = 0; i < FILES; i++) bench.write(`context/files/${i}`, `${i} ${randomBytes(8).toString('hex')}\n`)
  bench.write('context/files/big', randomBytes(BIG))
}

/** Another implementation reads the image, config and layers included. */
function readable(image: string): void {
  const { status, stderr } = spawnSync('skopeo', ['inspect', '--tls-verify=false', image], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

/** The shortest of a few: other tests run at the same time, and a moment after the end of the command tries nothing. */
async function undisturbed(bench: Workbench, victim: Victim): Promise<number> {
  const lengths: number[] = []
  for (let round = 0; round < 3; round++) {
    const words = await victim.prepare()
    const from = performance.now()
    await bench.expect(words)
    lengths.push(performance.now() - from)
    victim.proves()
  }
  return Math.min(...lengths)
}

async function endAt(bench: Workbench, victim: Victim, { momentMs, signal }: { momentMs: number; signal: Ending }): Promise<boolean> {
  const words = await victim.prepare()
  const running = bench.start(words)
  await sleep(momentMs)
  const isEnded = await endHard(bench, running, signal)
  await provesSound(bench)
  const before = (await running.ended).stderr
  const again = await bench.run(words)
  assert.equal(again.status, 0, again.stderr)
  provesNothingLost(before, again.stderr)
  victim.proves()
  await provesSound(bench)
  return isEnded
}

/** What a build had done before it was ended is a hit of the next. */
function provesNothingLost(before: string, again: string): void {
  const cached = stepsThat('CACHED', again)
  for (const name of stepsThat('DONE [^\\n]*', before)) assert.ok(cached.has(name), `${name} was done twice:\n${before}\n${again}`)
}

/** Names of the steps of the Dockerfile that ended so, by plain progress. */
function stepsThat(ending: string, text: string): Set<string> {
  const names = new Map([...text.matchAll(/^#(\d+) (\[[^\]]*\d\/\d+\] .*)$/gm)].map(([, number, name]) => [number, name ?? '']))
  const ended = [...text.matchAll(new RegExp(`^#(\\d+) ${ending}$`, 'gm'))]
  return new Set(ended.flatMap(([, number]) => names.get(number) ?? []))
}

/** Sends the signal, and asserts that the command ends by it and leaves nothing. False when it had ended before. */
export async function endHard(bench: Workbench, running: Running, signal: Ending): Promise<boolean> {
  const family = familyOf(running.pid)
  running.kill(signal)
  const ended = await running.ended
  assert.deepEqual(await leftovers(bench, family), [])
  if (ended.status === 0) return false
  // null: it came before the program had a handler for it, which a shell reports in the same way.
  assert.ok(ended.status === null || ended.status === STATUS[signal], `status ${ended.status}: ${ended.stderr}`)
  return true
}

export async function provesSound(bench: Workbench): Promise<void> {
  const checked = await bench.run(['store', 'check'])
  assert.equal(`${checked.stdout}${checked.stderr}`, 'sound\n')
}
