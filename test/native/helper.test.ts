import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realFolder } from '../../fixtures/cli.ts'
import { childrenOf, eventually, longSleep, processesWith } from '../../fixtures/processes.ts'
import { addInside, busyboxTree, HELPER, helperWith, noSandbox, runStep, stepOf, type TestTree, VERSION } from '../../fixtures/sandbox.ts'
import type { NativeCause } from '../../native/failure.ts'
import { type Helper, startHelper } from '../../native/helper.ts'
import { openPlainHelper } from '../../native/plain-helper.ts'
import { KIND } from '../../native/protocol.ts'
import { encodeProbe } from '../../native/requests/trees.ts'
import { type StartedHelper, startProcess } from '../../native/start.ts'
import { hasCode, isErrno } from '../../registry/oci/error.ts'

const options = { path: HELPER, version: VERSION }
const module = (path: string) => new URL(`../../${path}`, import.meta.url).href

function skipWithout(this: Mocha.Context): void {
  const reason = noSandbox()
  if (reason === undefined) return
  console.log(`      skipped: ${reason}`)
  this.skip()
}

async function causeOf(work: Promise<unknown>): Promise<NativeCause> {
  const error = await work.then(
    () => assert.fail('it did not fail'),
    (error: Error) => error,
  )
  assert.ok(hasCode(error, 'NATIVE_FAILURE'), String(error))
  return error.cause as NativeCause
}

describe('tsbuild-sandbox', function () {
  this.timeout(20_000)
  before(skipWithout)

  it('says which version it is', () =>
    assert.match(execFileSync(HELPER, ['--version'], { encoding: 'utf8' }), new RegExp(`^tsbuild-sandbox ${VERSION} \\(.*\\)\\n$`)))

  it('is refused when it is of another version', () =>
    assert.rejects(startHelper({ path: HELPER, version: '0.0.1' }), (error) => hasCode(error, 'HELPER_VERSION')))

  it('is an error that names its path when it is not there', async () => {
    const cause = await causeOf(startHelper({ path: '/no/such/helper', version: VERSION }))
    assert.deepEqual([cause.code, cause.path], ['ENOENT', '/no/such/helper'])
  })

  it('is an error that says why when it has no way in', async () => {
    const cause = await causeOf(startHelper({ ...options, ids: process.getuid?.() === 0 ? 'ranges' : 'own' }).then(stopIt))
    assert.ok(cause.code === 'ENOENT' || cause.code === 'EPERM', cause.message)
  })

  it('names the limit when the kernel lets it make no user namespace', function () {
    const script = `const { startHelper } = await import(${JSON.stringify(module('native/helper.js'))})
      await startHelper(${JSON.stringify({ ...options, ids: 'single' })}).catch((error) => console.log(error.code, error.cause.code, error.hint))`
    const limited = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    const ran = spawnSync('unshare', ['-Ur', 'sh', '-c', limited, 'sh', process.execPath, '--input-type=module', '-e', script], {
      encoding: 'utf8',
    })
    if (ran.status !== 0) this.skip() // no unshare(1), or no user namespace to begin with
    assert.equal(ran.stdout, 'NO_USER_NAMESPACE ENOSPC raise the limit in /proc/sys/user/max_user_namespaces\n')
  })
})

// Root of this machine may have ranges, too: then there is nothing to be refused.
async function stopIt(helper: Helper): Promise<never> {
  await helper[Symbol.asyncDispose]()
  throw Object.assign(new Error('ranges'), { code: 'NATIVE_FAILURE', cause: { code: 'ENOENT' } })
}

describe('startHelper', function () {
  this.timeout(20_000)
  let tree: TestTree
  let helper: Helper

  before(async function () {
    skipWithout.call(this)
    const started = await helperWith('auto')
    if (typeof started === 'string') {
      console.log(`      skipped: ${started}`)
      this.skip()
    }
    helper = started
    tree = busyboxTree()
  })
  after(async () => {
    await helper?.[Symbol.asyncDispose]()
    tree?.dispose()
  })

  it('probes this place', async () => {
    const scratch = realFolder('probe')
    const facts = await helper.probe(scratch)
    await helper.remove([scratch])
    const names = [
      'ids',
      'user namespace',
      'proc',
      'overlay',
      'overlay lowerdir+ volatile',
      'emulation',
      'seccomp',
      'landlock',
      'cgroup',
      'keyring',
      'tun',
    ]
    assert.deepEqual(
      facts.map((fact) => fact.name),
      names,
    )
    for (const fact of facts) assert.ok(fact.ok || fact.detail !== '', `${fact.name} has no reason`)
  })

  it('measures what trees take on the disk: links once, nothing behind symlinks, at any depth', async () => {
    const folder = realFolder('measure')
    const size = 1 << 20
    const path = (name: string) => join(folder, name)
    mkdirSync(path('one/sub'), { recursive: true })
    writeFileSync(path('one/file'), randomBytes(size))
    linkSync(path('one/file'), path('one/sub/again'))
    symlinkSync(path('one'), path('one/sub/link'))
    symlinkSync(path('one'), path('to-one'))
    const below = (name: string) => path(`${name}${'/dddddddddd'.repeat(300)}`)
    for (const name of ['deep', 'deeper']) mkdirSync(below(name), { recursive: true })
    writeFileSync(join(below('deeper'), 'file'), randomBytes(size))
    renameSync(path('deeper'), join(below('deep'), 'deeper')) // longer than any path may be
    chmodSync(path('one/sub'), 0)
    const [one = 0, file = 0, link = -1, deep = 0, gone = -1] = await helper.measure(
      ['one', 'one/file', 'to-one', 'deep', 'gone'].map(path),
    )
    chmodSync(path('one/sub'), 0o700)
    await helper.remove([folder])
    assert.ok(one >= size && one < 1.1 * size, `${one} bytes of one file with two names`)
    assert.equal(file, size)
    assert.ok(link < 5000, `${link} bytes of a symlink`)
    assert.ok(deep >= size, `${deep} bytes below 600 folders`)
    assert.equal(gone, 0)
  })

  it('has no environment', () => {
    const launcher = childrenOf(process.pid).filter(({ command }) => command.startsWith(HELPER))
    assert.ok(launcher.length > 0)
    for (const { pid } of launcher) assert.equal(execFileSync('cat', [`/proc/${pid}/environ`], { encoding: 'utf8' }), '')
  })

  it('loses one request, not the others, when the process of a request dies', async () => {
    const other = busyboxTree()
    const survivor = runStep(helper, stepOf(tree, ['sh', '-c', 'sleep 1; echo alive']))
    const seconds = longSleep(1)
    const victim = runStep(helper, stepOf(other, ['sleep', seconds]))
    assert.ok(await eventually(() => processesWith(`sleep ${seconds}`).length === 1, 2000))
    const [step] = processesWith(`sleep ${seconds}`)
    process.kill(step?.parent ?? 0, 'SIGKILL')
    const cause = await causeOf(victim)
    assert.deepEqual([cause.syscall, cause.path], ['the helper process of this request was killed by signal 9', ''])
    assert.ok(await eventually(() => processesWith(`sleep ${seconds}`).length === 0, 1000), 'its step lives on')
    assert.equal((await survivor).stdout, 'alive\n')
    other.dispose()
  })

  it('rejects what runs with HELPER_DIED when it is disposed of', async () => {
    const own = await startHelper(options)
    const seconds = longSleep(2)
    const running = runStep(own, stepOf(tree, ['sleep', seconds]))
    assert.ok(await eventually(() => processesWith(`sleep ${seconds}`).length > 0, 2000))
    await Promise.all([assert.rejects(running, (error) => hasCode(error, 'HELPER_DIED')), own[Symbol.asyncDispose]()])
    assert.equal(processesWith(`sleep ${seconds}`).length, 0)
    await assert.rejects(own.probe(''), (error) => hasCode(error, 'HELPER_DIED'))
  })

  it('does not keep an idle process alive', () => {
    const script = `const { startHelper } = await import(${JSON.stringify(module('native/helper.js'))})
      const helper = await startHelper(${JSON.stringify(options)}); await helper.probe('')`
    execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 })
  })
})

describe('requests that are none', function () {
  this.timeout(20_000)
  let started: StartedHelper

  before(skipWithout)
  beforeEach(async () => {
    started = await startProcess(['serve'], options)
  })
  afterEach(() => started?.stop())

  for (const [what, kind, body] of [
    ['an unknown kind', 200, ''],
    ['a kind of the other mode', KIND.lock, ''],
    ['a probe with no body', KIND.probe, ''],
    ['a step that is empty', KIND.step, ''],
    ['a step that ends early', KIND.step, '\0\xff\xff\xff\xff'],
    ['a list longer than its message', KIND.step, '\0\0\0\0\0\x01\0\0\0a\xff\xff\xff\x7f'],
  ] as const)
    it(`fails ${what} and goes on`, async () => {
      const cause = await causeOf(started.connection.request(kind, Buffer.from(body, 'latin1')))
      assert.equal(cause.code, 'EPROTO')
      assert.ok((await started.connection.request(KIND.probe, encodeProbe(''))).length > 0)
    })

  it('ends when there is no way to find the next frame', async () => {
    // The head promises a body of 2 GiB, which no frame has.
    const endless = Object.defineProperty(new Uint8Array(0), 'length', { value: 2 ** 31 })
    await assert.rejects(
      started.connection.request(KIND.probe, endless),
      (error) => hasCode(error, 'NATIVE_FAILURE') || hasCode(error, 'HELPER_DIED'),
    )
  })
})

describe('kill -9', function () {
  this.timeout(60_000)
  const SECONDS = longSleep(3)
  const folder = realFolder('kill')
  /** A program of its own, so that the helpers of this test can be told from all others. */
  const program = join(folder, 'tsbuild-sandbox')
  let tree: TestTree
  const setuid = { uid: 0 }

  before(async function () {
    skipWithout.call(this)
    copyFileSync(HELPER, program)
    const started = await helperWith('auto')
    if (typeof started === 'string') this.skip()
    const facts = await started.probe('')
    // With more than one id the sleeper runs as another user and becomes root by its file's set-user-id bit: no parent-death signal survives that.
    setuid.uid = facts.find((fact) => fact.name === 'ids')?.ok ? 33 : 0
    await started[Symbol.asyncDispose]()
    tree = busyboxTree()
    const reason = addInside(tree)
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`)
      this.skip()
    }
    chmodSync(join(tree.root, 'bin/inside'), 0o4755)
  })
  after(() => {
    tree?.dispose()
    rmSync(folder, { recursive: true })
  })

  for (const victim of ['node', 'launcher', 'helper'] as const)
    it(`of ${victim} leaves no process behind, at any moment`, async () => {
      for (let round = 0; round < 8; round++) {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script(setuid.uid)], { stdio: ['ignore', 'pipe', 'inherit'] })
        const exited = new Promise((resolve) => child.once('exit', resolve))
        await new Promise((resolve) => child.stdout.once('data', resolve)) // the helper is up, the step starts
        if (round % 2 === 0) await eventually(() => sleepers() === 4, 3000)
        else await new Promise((resolve) => setTimeout(resolve, round * 2))
        const launcher = childrenOf(child.pid ?? 0).find(({ command }) => command.startsWith(program))
        const target = { node: child.pid, launcher: launcher?.pid, helper: childrenOf(launcher?.pid ?? -1)[0]?.pid }[victim]
        assert.ok(target !== undefined)
        process.kill(target, 'SIGKILL')
        const gone = await eventually(() => sleepers() === 0 && processesWith(program).length === 0, 1000)
        child.kill('SIGKILL')
        await exited
        assert.ok(gone, `round ${round}: ${JSON.stringify([...processesWith(SECONDS), ...processesWith(program)])}`)
      }
    })

  const sleepers = () => processesWith(`inside sleep ${SECONDS}`).filter(({ command }) => command.startsWith('inside')).length

  function script(uid: number): string {
    const command = `for i in 1 2 3; do setsid inside sleep ${SECONDS} & done; trap "" TERM; inside sleep ${SECONDS}`
    return `const { startHelper } = await import(${JSON.stringify(module('native/helper.js'))})
      const helper = await startHelper(${JSON.stringify({ path: program, version: VERSION })})
      console.log('up')
      const step = ${JSON.stringify(stepOf(tree, ['sh', '-c', command], { uid, gid: uid }))}
      await helper.step(step, { stdout() {}, stderr() {} }).catch(() => {})`
  }
})

describe('plain helper', function () {
  this.timeout(20_000)
  let folder: string
  const lockOf = (name: string) => ({ path: join(folder, name), mode: 'exclusive' as const })

  before(function () {
    skipWithout.call(this)
    folder = mkdtempSync(join(tmpdir(), 'tsbuild-plain-'))
  })
  after(() => folder !== undefined && rmSync(folder, { recursive: true }))

  it('holds a lock that others see, until it is released', async () => {
    await using first = await openPlainHelper(options)
    await using second = await openPlainHelper(options)
    const held = await first.lock(lockOf('a'))
    assert.ok(held !== undefined)
    assert.equal(await second.lock(lockOf('a'), { wait: false }), undefined)
    let waited = 0
    const next = second.lock(lockOf('a'), { onWait: () => waited++ })
    assert.ok(await eventually(() => waited === 1, 2000))
    await held.release()
    await using taken = await next
    assert.ok(taken !== undefined)
  })

  it('drops its locks when it dies', async () => {
    const first = await openPlainHelper(options)
    assert.ok((await first.lock(lockOf('b'))) !== undefined)
    const before = childrenOf(process.pid).filter(({ command }) => command.startsWith(HELPER))
    for (const { pid } of before) process.kill(pid, 'SIGKILL')
    await using second = await openPlainHelper(options)
    await using taken = await second.lock(lockOf('b'))
    assert.ok(taken !== undefined)
    await first[Symbol.asyncDispose]()
  })

  it('stops waiting when aborted', async () => {
    await using first = await openPlainHelper(options)
    await using held = await first.lock(lockOf('c'))
    assert.ok(held !== undefined)
    const stop = new AbortController()
    const waiting = first.lock(lockOf('c'), { signal: stop.signal, onWait: () => stop.abort(new Error('enough')) })
    await assert.rejects(waiting, /enough/)
  })

  it('answers EAGAIN past 64 requests at once, and goes on', async () => {
    await using helper = await openPlainHelper(options)
    const held = await Promise.all(Array.from({ length: 64 }, (_, i) => helper.lock(lockOf(`d${i}`))))
    const cause = await causeOf(helper.lock(lockOf('one-more')))
    assert.equal(cause.code, 'EAGAIN')
    await held[0]?.release()
    await using last = await helper.lock(lockOf('one-more'))
    assert.ok(last !== undefined)
    await Promise.all(held.map((lock) => lock?.release()))
  })

  it('fails with the path when a lock cannot be made', async () => {
    await using helper = await openPlainHelper(options)
    await assert.rejects(helper.lock({ path: '/no/such/folder/x', mode: 'shared' }), (error: Error) => isErrno(error.cause, 'ENOENT'))
  })
})
