import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openNative } from '../cli/native-parts.ts'
import { VERSION } from '../cli/version.ts'
import { busyboxImage } from '../fixtures/busybox.ts'

/** The main job from start to end with the real program, in a folder of its own: base, build, push, pull, run, and the build again. */

const DOCKERFILE = `\
FROM demo/busybox AS build
WORKDIR /src
COPY greeting.txt ./
RUN tr a-z A-Z <greeting.txt >loud.txt

FROM demo/busybox
RUN echo 'app:x:1000:1000:app:/app:/bin/sh' >>/etc/passwd && mkdir /data && chown 1000:1000 /data
COPY --from=build --chown=app:1000 /src/loud.txt /app/
COPY --chmod=755 greet.sh /app/
ENV FROM=tsbuild
USER app
WORKDIR /app
CMD ["/app/greet.sh"]
`
const GREETING = 'hello from an image that was built, pushed, pulled and run without a daemon\n'
const SCRIPT = `#!/bin/sh
cat loud.txt
echo "user $(id -un) ($(id -u)) in $(pwd), process $$ of $(ls -d /proc/[0-9]* | wc -l), made by $FROM"
`

const folder = mkdtempSync(path.join(tmpdir(), 'tsbuild-demo-'))
const context = path.join(folder, 'context')
const stores = { builder: path.join(folder, 'builder'), registry: path.join(folder, 'registry'), reader: path.join(folder, 'reader') }
type Place = keyof typeof stores

const program = path.join(packageRoot(), 'tsbuild')
const times: [string, number][] = []

function packageRoot(from = import.meta.dirname): string {
  return existsSync(path.join(from, 'package.json')) ? from : packageRoot(path.dirname(from))
}

function environment(place: Place): NodeJS.ProcessEnv {
  return { ...process.env, TSBUILD_ROOT: stores[place] }
}

function title(text: string): void {
  console.log(`\n== ${text}`)
}

/** Runs the program as a user would, shows the command and what it says; returns its standard output. */
function tsbuild(place: Place, args: readonly string[], what?: string): string {
  const shown = args.map((arg) => arg.replace(`${folder}/`, ''))
  console.log(`$ TSBUILD_ROOT=${place} tsbuild ${shown.join(' ')}`)
  const from = performance.now()
  const done = spawnSync(program, args, { encoding: 'utf8', env: environment(place), stdio: ['ignore', 'pipe', 'pipe'] })
  if (what !== undefined) times.push([what, performance.now() - from])
  process.stdout.write(done.stderr + done.stdout)
  if (done.status !== 0) throw new Error(`tsbuild ${shown[0]} ended with ${done.signal ?? `status ${done.status}`}`)
  return done.stdout.trim()
}

async function makeBase(): Promise<string> {
  const layout = path.join(folder, 'base')
  const core = await openNative({ env: process.env, version: VERSION })
  await using native = core.native
  await busyboxImage(native, layout)
  return layout
}

function writeContext(): void {
  mkdirSync(context)
  writeFileSync(path.join(context, 'Dockerfile'), DOCKERFILE)
  writeFileSync(path.join(context, 'greeting.txt'), GREETING)
  writeFileSync(path.join(context, 'greet.sh'), SCRIPT)
  console.log(DOCKERFILE)
}

/** A registry of our own on a free port of this machine. */
async function serve() {
  const child = spawn(program, ['registry', 'serve', '--quiet', '--listen', '127.0.0.1:0'], {
    env: environment('registry'),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [first] = await once(child.stdout, 'data')
  return {
    host: String(first).trim(),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || !child.kill('SIGTERM')) return
      await once(child, 'exit')
    },
  }
}

function equal(what: string, got: string, want: string): void {
  if (got !== want) throw new Error(`${what}: ${got} is not ${want}`)
  console.log(`${what}: equal`)
}

function cachedSteps(stderr: string): number {
  return stderr.split('\n').filter((line) => / CACHED$/.test(line)).length
}

async function demo(): Promise<void> {
  title('a base image, made on the spot from the Debian package busybox-static')
  const layout = await makeBase()
  tsbuild('builder', ['pull', `oci:${layout}:busybox`, '--name', 'demo/busybox'])

  title('what is built')
  writeContext()

  title('build')
  const built = tsbuild('builder', ['build', '--progress=plain', '-t', 'demo/app', context], 'first build')
  tsbuild('builder', ['images'])

  title('push to a registry, and pull from it into another store')
  await using registry = await serve()
  const name = `${registry.host}/demo/app:1`
  equal('digest of the image pushed', tsbuild('builder', ['push', 'demo/app', name], 'push'), built)
  equal('digest of the image pulled', tsbuild('reader', ['pull', name], 'pull'), built)

  title('run what was pulled')
  const said = tsbuild('reader', ['run', name], 'unpack and run')
  if (!said.startsWith(GREETING.trim().toUpperCase())) throw new Error('the image did not say what it should')

  title('build again: nothing is done twice')
  const from = performance.now()
  const again = spawnSync(program, ['build', '--progress=plain', '-t', 'demo/app', context], {
    encoding: 'utf8',
    env: environment('builder'),
  })
  times.push(['second build', performance.now() - from])
  process.stdout.write(again.stderr)
  equal('digest of the second build', again.stdout.trim(), built)

  title('isolation of this machine')
  console.log(
    spawnSync(program, ['doctor'], { encoding: 'utf8', env: environment('builder') })
      .stdout.split('\n')
      .find((line) => line.startsWith('isolation')),
  )

  title('done')
  console.log(`image ${built}, ${cachedSteps(again.stderr)} steps cached in the second build`)
  for (const [what, ms] of times) console.log(`${what.padEnd(16)} ${ms.toFixed(0).padStart(6)} ms`)
}

/** Unpacked trees belong to ids that only the program may touch. */
function cleanUp(): void {
  for (const place of ['builder', 'reader'] as const) {
    if (existsSync(stores[place])) spawnSync(program, ['prune', '--all'], { env: environment(place), stdio: 'ignore' })
  }
  rmSync(folder, { recursive: true, force: true })
}

try {
  await demo()
} catch (error) {
  console.error(`\ndemo: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  cleanUp()
}
