import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, longSleep, processesWith } from '../../fixtures/processes.ts'
import { busyboxTree, helperWith, noSandbox, runStep, shell, stepOf, type TestTree } from '../../fixtures/sandbox.ts'
import type { NativeCause } from '../../native/failure.ts'
import type { Helper } from '../../native/helper.ts'
import { TsbuildError } from '../../registry/oci/error.ts'

const MEBIBYTE = 1 << 20

async function causeOf(work: Promise<unknown>): Promise<NativeCause> {
  const error = await work.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof TsbuildError && error.code === 'NATIVE_FAILURE', String(error))
  return error.cause as NativeCause
}

for (const ids of ['own', 'ranges', 'single'] as const)
  describe(`step with ${ids} ids`, function () {
    this.timeout(20_000)
    let helper: Helper
    let tree: TestTree

    before(async function () {
      const started = noSandbox() ?? (await helperWith(ids))
      if (typeof started === 'string') {
        console.log(`      skipped: ${started}`)
        this.skip()
      }
      helper = started
    })
    after(async () => helper?.[Symbol.asyncDispose]())
    beforeEach(() => {
      tree = busyboxTree()
    })
    afterEach(() => tree?.dispose())

    it('tells the exit code', async () => {
      assert.deepEqual(await runStep(helper, stepOf(tree, ['sh', '-c', 'echo out; echo err >&2; exit 42'])), {
        exit: 42,
        signal: 0,
        stdout: 'out\n',
        stderr: 'err\n',
      })
    })

    it('tells the signal that ended the command', async () => {
      const seconds = longSleep(1)
      const running = runStep(helper, stepOf(tree, ['sleep', seconds]))
      assert.ok(await eventually(() => processesWith(`sleep ${seconds}`).length > 0, 2000))
      for (const { pid } of processesWith(`sleep ${seconds}`)) process.kill(pid, 'SIGKILL')
      const { exit, signal } = await running
      assert.deepEqual([exit, signal], [0, constants.signals.SIGKILL])
    })

    it('is not ended by a signal from inside that it does not handle, as in Docker', async () => {
      assert.equal((await runStep(helper, stepOf(tree, ['sh', '-c', 'kill -KILL 1; exit 7']))).exit, 7)
    })

    it('finds the command through PATH, and its arguments arrive as they are', async () => {
      const words = ['', ' ', 'a\nb', '$HOME', 'caf\xc3\xa9', '\xff']
      const result = await runStep(helper, stepOf(tree, ['printf', '[%s]', ...words], { env: ['PATH=/nowhere:/bin', 'A=1'] }))
      assert.equal(result.stdout, Buffer.from(words.map((word) => `[${word}]`).join(''), 'latin1').toString())
    })

    it('gives exactly the environment asked for', async () => {
      assert.equal((await runStep(helper, stepOf(tree, ['/bin/env'], { env: ['B=2', 'A=1 x'] }))).stdout, 'B=2\nA=1 x\n')
    })

    it('runs as pid 1 below its host name, with umask 022 and no terminal', async () => {
      assert.equal(
        await shell(helper, tree, 'echo $$; hostname; umask; tty; test $(ls -d /proc/[0-9]* | wc -l) -le 4 && echo alone'),
        '1\nbuildkitsandbox\n0022\nnot a tty\nalone',
      )
    })

    for (const [what, argv, code] of [
      ['not found in PATH', ['nothing-of-this-name'], 'ENOENT'],
      ['no such file', ['/bin/nothing'], 'ENOENT'],
      ['permission denied', ['/plain'], 'EACCES'],
      ['bad interpreter', ['/script'], 'ELIBACC'],
      ['no program', ['/noise'], 'ENOEXEC'],
    ] as const)
      it(`tells a command that cannot be started: ${what}`, async () => {
        writeFileSync(join(tree.root, 'plain'), 'x')
        writeFileSync(join(tree.root, 'script'), '#!/no/such/shell\n', { mode: 0o755 })
        writeFileSync(join(tree.root, 'noise'), 'noise', { mode: 0o755 })
        const cause = await causeOf(runStep(helper, stepOf(tree, argv)))
        assert.deepEqual([cause.syscall, cause.code, cause.path], ['exec', code, argv[0]])
      })

    it('starts in its working directory', async () => {
      mkdirSync(join(tree.root, 'a/b'), { recursive: true })
      symlinkSync('/a/b', join(tree.root, 'link'))
      assert.equal(await shell(helper, tree, 'pwd', { cwd: '/link' }), '/a/b')
    })

    it('makes a working directory that is missing, for the user of the step, and through links inside the root', async () => {
      const user = ids === 'single' ? 0 : 33
      mkdirSync(join(tree.root, 'a'))
      symlinkSync('/../../elsewhere/x', join(tree.root, 'a/dangling'))
      assert.equal(
        await shell(helper, tree, 'pwd; touch mine', { cwd: '/a/dangling/new/one', uid: user, gid: user }),
        '/elsewhere/x/new/one',
      )
      const listed = await shell(helper, tree, 'stat -c "%a %u:%g %n" /a /elsewhere /elsewhere/x /elsewhere/x/new/one')
      const made = ['/elsewhere', '/elsewhere/x', '/elsewhere/x/new/one'].map((path) => `755 ${user}:${user} ${path}`)
      await helper.remove([join(tree.root, 'elsewhere')]) // it belongs to another id: the caller could not
      assert.equal(listed, ['755 0:0 /a', ...made].join('\n'))
    })

    for (const [what, cwd, code] of [
      ['is a file', '/file', 'ENOTDIR'],
      ['is below a file', '/file/below', 'ENOTDIR'],
      ['loops', '/loop/below', 'ELOOP'],
      ['is missing below /proc', '/proc/none', 'ENOENT'],
    ] as const)
      it(`refuses a working directory that ${what}`, async () => {
        writeFileSync(join(tree.root, 'file'), '')
        symlinkSync('/loop', join(tree.root, 'loop'))
        const cause = await causeOf(runStep(helper, stepOf(tree, ['true'], { cwd })))
        assert.deepEqual([cause.syscall, cause.code, cause.path], ['working directory', code, cwd])
      })

    it('has hosts and resolv.conf that may be written and leave no trace', async () => {
      assert.equal(
        await shell(helper, tree, 'cat /etc/hosts /etc/resolv.conf; echo 192.0.2.2 x >> /etc/hosts; tail -1 /etc/hosts'),
        '127.0.0.1 localhost\nnameserver 192.0.2.1\n192.0.2.2 x',
      )
      assert.deepEqual(readdirSync(tree.root).sort(), ['bin', 'tmp'])
    })

    it('takes away the mount points it made, and no more, with the times of their folders', async () => {
      mkdirSync(join(tree.root, 'etc'))
      utimesSync(join(tree.root, 'etc'), 1000, 1000)
      utimesSync(tree.root, 2000, 2000)
      await shell(helper, tree, 'true')
      assert.deepEqual(readdirSync(join(tree.root, 'etc')), [])
      assert.deepEqual([statSync(join(tree.root, 'etc')).mtimeMs, statSync(tree.root).mtimeMs], [1000_000, 2000_000])
      await shell(helper, tree, 'echo mine > /etc/mine')
      assert.deepEqual(readdirSync(join(tree.root, 'etc')), ['mine'])
      assert.ok(Date.now() - statSync(join(tree.root, 'etc')).mtimeMs < 10_000, 'the time at which the step changed it')
    })

    it('leaves the hosts and resolv.conf of an image as they are', async () => {
      mkdirSync(join(tree.root, 'etc'))
      writeFileSync(join(tree.root, 'etc/hosts'), '')
      symlinkSync('../run/resolve/stub.conf', join(tree.root, 'etc/resolv.conf'))
      assert.equal(await shell(helper, tree, 'cat /etc/resolv.conf /run/resolve/stub.conf | uniq'), 'nameserver 192.0.2.1')
      assert.deepEqual(readdirSync(join(tree.root, 'etc')).sort(), ['hosts', 'resolv.conf'])
      assert.equal(statSync(join(tree.root, 'etc/hosts')).size, 0)
      assert.equal(existsSync(join(tree.root, 'run')), false)
    })

    it('passes standard input on, to its end', async () => {
      async function* pieces() {
        for (let i = 0; i < 40; i++) yield Buffer.alloc(64 << 10, i)
      }
      const result = await runStep(helper, stepOf(tree, ['sha256sum'], { stdin: true }), undefined, pieces())
      const hash = createHash('sha256')
      for await (const piece of pieces()) hash.update(piece)
      assert.equal(result.stdout, `${hash.digest('hex')}  -\n`)
    })

    it('has empty standard input when there is none', async () => {
      assert.equal((await runStep(helper, stepOf(tree, ['wc', '-c']))).stdout.trim(), '0')
    })

    it('ends though its standard input does not', async () => {
      async function* endless() {
        for (;;) yield Buffer.alloc(1000)
      }
      assert.equal((await runStep(helper, stepOf(tree, ['head', '-c', '10'], { stdin: true }), undefined, endless())).stdout.length, 10)
    })

    it('gives 10 MB of output exactly to a slow reader, and holds the command back meanwhile', async () => {
      const script = 'head -c 10485760 /dev/urandom > /tmp/x; sha256sum < /tmp/x; cat /tmp/x >&2'
      const hash = createHash('sha256')
      let told = ''
      let bytes = 0
      let waiting = 0
      let most = 0
      const reply = await helper.step(stepOf(tree, ['sh', '-c', script]), {
        stdout: (piece) => {
          told += Buffer.from(piece)
        },
        stderr: async (piece) => {
          waiting += piece.length
          most = Math.max(most, waiting)
          hash.update(piece)
          bytes += piece.length
          await sleep(bytes % 7 === 0 ? 1 : 0)
          waiting -= piece.length
        },
      })
      assert.deepEqual([reply.exit, bytes, told], [0, 10 * MEBIBYTE, `${hash.digest('hex')}  -\n`])
      assert.ok(most <= 256 << 10, `${most} bytes were under way`)
    })

    it('is over when the command is, whatever it left running', async () => {
      const begun = performance.now()
      const result = await runStep(helper, stepOf(tree, ['sh', '-c', '(trap "" TERM HUP; setsid sleep 60) & sleep 0.1; echo done']))
      assert.equal(result.stdout, 'done\n')
      assert.ok(performance.now() - begun < 5000)
    })

    it('is killed by an abort at once, and rejects with its reason', async () => {
      const stop = new AbortController()
      const reason = new Error('enough')
      const running = runStep(helper, stepOf(tree, ['sh', '-c', 'trap "" TERM INT; while :; do sleep 1; done']), stop.signal)
      await sleep(200)
      const asked = performance.now()
      stop.abort(reason)
      await assert.rejects(running, (error) => error === reason)
      assert.ok(performance.now() - asked < 1000, `${performance.now() - asked} ms`)
    })

    it('runs two at a time', async () => {
      const other = busyboxTree()
      const wait = (file: string, wanted: string) =>
        `echo x > /tmp/${file}; i=0; while [ $i -lt 20 ]; do sleep 0.1; i=$((i+1)); done; echo ${wanted}`
      const begun = performance.now()
      const both = await Promise.all([shell(helper, tree, wait('a', '1')), shell(helper, other, wait('b', '2'))])
      other.dispose()
      assert.deepEqual(both, ['1', '2'])
      assert.ok(performance.now() - begun < 3800, 'one after the other')
    })

    it('has only a loopback that is up with network none', async () => {
      assert.equal(
        await shell(helper, tree, 'ls /sys/class/net; ip -o link | wc -l; ping -c1 -w1 127.0.0.1 | grep -c "1 packets received"', {
          network: 'none',
        }),
        'lo\n1\n1',
      )
    })

    it('keeps apart what each user may do', async function () {
      if (ids === 'single') this.skip() // there is only one user
      const script = 'echo x > /tmp/f; chown 33:34 /tmp/f; stat -c %u:%g /tmp/f; id -u; id -G'
      assert.equal(await shell(helper, tree, script, { groups: [7, 8] }), '33:34\n0\n0 7 8')
      assert.equal(
        await shell(helper, tree, 'id -u; id -g; id -G; cat /tmp/f; chown 0 /tmp/f || echo no', { uid: 33, gid: 33, groups: [33] }).then(
          (text) => text.split('\n').at(-1),
        ),
        'no',
      )
    })

    it('names a user id that is not mapped', async function () {
      if (ids !== 'single') this.skip() // all that fit are mapped
      const cause = await causeOf(runStep(helper, stepOf(tree, ['true'], { uid: 33 })))
      assert.deepEqual([cause.syscall, cause.path], ['user id is not mapped', '33'])
    })
  })
