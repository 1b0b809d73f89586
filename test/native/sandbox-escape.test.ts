import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addInside, busyboxTree, helperWith, noSandbox, runStep, shell, stepOf, type TestTree } from '../../fixtures/sandbox.ts'
import type { NativeCause } from '../../native/failure.ts'
import type { Helper } from '../../native/helper.ts'
import type { StepRequest } from '../../native/requests/trees.ts'
import { hasCode } from '../../registry/oci/error.ts'

// Numbers of system calls: asm/unistd_64.h and asm-generic/unistd.h. From 424 on they are the same everywhere.
const CALLS = {
  x64: {
    socket: 41,
    clone: 56,
    ptrace: 101,
    personality: 135,
    mount: 165,
    swapon: 167,
    init_module: 175,
    bpf: 321,
    add_key: 248,
    keyctl: 250,
    unshare: 272,
    setns: 308,
    open_by_handle_at: 304,
    perf_event_open: 298,
    userfaultfd: 323,
    chroot: 161,
  },
  arm64: {
    socket: 198,
    clone: 220,
    ptrace: 117,
    personality: 92,
    mount: 40,
    swapon: 224,
    init_module: 105,
    bpf: 280,
    add_key: 217,
    keyctl: 219,
    unshare: 97,
    setns: 268,
    open_by_handle_at: 265,
    perf_event_open: 241,
    userfaultfd: 282,
    chroot: 51,
  },
}[process.arch as 'x64' | 'arm64']
const IO_URING_SETUP = 425
const OPEN_TREE = 428
const CLONE3 = 435
const NEWER_THAN_THE_TABLE = 4000

for (const ids of ['own', 'ranges', 'single'] as const)
  describe(`a hostile step with ${ids} ids`, function () {
    this.timeout(20_000)
    let helper: Helper
    let tree: TestTree
    let outside: string

    before(async function () {
      const started = noSandbox() ?? (await helperWith(ids))
      if (typeof started === 'string') {
        console.log(`      skipped: ${started}`)
        this.skip()
      }
      helper = started
      outside = mkdtempSync(join(tmpdir(), 'tsbuild-outside-'))
      tree = busyboxTree(['proc', 'sys', 'dev', 'etc'])
      const reason = addInside(tree)
      if (reason !== undefined) {
        console.log(`      skipped: ${reason}`)
        this.skip()
      }
    })
    after(async () => {
      await helper?.[Symbol.asyncDispose]()
      tree?.dispose()
      if (outside !== undefined) rmSync(outside, { recursive: true })
    })

    const inside = async (argv: readonly (string | number)[], more: Partial<StepRequest> = {}) =>
      (await runStep(helper, stepOf(tree, ['/bin/inside', ...argv.map(String)], more))).stdout.trim()
    const call = (number: number, ...args: (string | number)[]) => inside(['syscall', number, ...args]).then((text) => text.split(' ')[1])

    it('sees nothing of what this machine has mounted below /sys but its cgroups', async function () {
      const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[4] ?? '')
        .filter((path) => path.startsWith('/sys/') && !path.startsWith('/sys/fs/cgroup'))
      if (mounted.length === 0) this.skip() // debugfs, tracefs and the like are nowhere to be seen
      assert.equal(
        await shell(helper, tree, `for dir in ${mounted.join(' ')}; do ls -A $dir; done; ls -d /sys/class/net`),
        '/sys/class/net',
      )
    })

    describe('with links in its image', () => {
      for (const name of ['proc', 'sys', 'dev'])
        it(`is refused when /${name} is one`, async () => {
          const planted = busyboxTree()
          symlinkSync(outside, join(planted.root, name))
          const error: Error = await runStep(helper, stepOf(planted, ['true'])).then(
            () => assert.fail('it ran'),
            (error) => error,
          )
          assert.ok(hasCode(error, 'NATIVE_FAILURE'))
          const { syscall, code, path } = error.cause as NativeCause
          assert.deepEqual([syscall, code, path], ['symbolic link in the image', 'ELOOP', `/${name}`])
          planted.dispose()
        })

      for (const target of ['absolute', 'relative'] as const)
        it(`mounts resolv.conf and hosts inside the root through an ${target} one that leads out`, async () => {
          const planted = busyboxTree(['etc'])
          writeFileSync(join(outside, 'host-file'), 'untouched')
          const file = join(outside, 'host-file')
          const link = target === 'absolute' ? file : `${'../'.repeat(30)}${file.slice(1)}`
          symlinkSync(link, join(planted.root, 'etc/resolv.conf'))
          symlinkSync(link, join(planted.root, 'etc/hosts'))
          const text = await shell(helper, planted, 'cat /etc/resolv.conf; echo evil > /etc/resolv.conf; echo evil > /etc/hosts')
          assert.equal(text, 'nameserver 192.0.2.1')
          assert.equal(readFileSync(file, 'utf8'), 'untouched')
          planted.dispose()
        })

      it('removes no file outside through a folder that it swapped for a link', async () => {
        const planted = busyboxTree(['etc'])
        writeFileSync(join(outside, 'hosts'), '')
        writeFileSync(join(outside, 'resolv.conf'), '')
        await shell(helper, planted, `mv /etc /etc.old && ln -s ${outside} /etc`)
        assert.deepEqual([readFileSync(join(outside, 'hosts'), 'utf8'), readFileSync(join(outside, 'resolv.conf'), 'utf8')], ['', ''])
        planted.dispose()
      })

      for (const cwd of ['/proc/self/fd/0', '/proc/self/fd/3', '/proc/self/fd/8', '/proc/self/cwd', '/proc/1/root'])
        it(`does not start in ${cwd}`, () =>
          assert.rejects(runStep(helper, stepOf(tree, ['ls', '-la'], { cwd })), (error) => hasCode(error, 'NATIVE_FAILURE')))

      it('follows no working directory out of its root', async () => {
        const planted = busyboxTree()
        symlinkSync(`${'../'.repeat(30)}${outside.slice(1)}`, join(planted.root, 'way-out'))
        assert.equal(await shell(helper, planted, 'pwd; touch inside', { cwd: '/way-out/sub' }), `${outside}/sub`)
        assert.ok(existsSync(join(planted.root, outside, 'sub/inside')))
        assert.ok(!existsSync(join(outside, 'sub')))
        planted.dispose()
      })
    })

    describe('looking around', () => {
      it('sees no process but its own', async () => {
        const names = await shell(helper, tree, 'cd /proc; for p in [0-9]*; do cat $p/comm 2>/dev/null; done')
        assert.deepEqual(
          names.split('\n').filter((name) => !['sh', 'cat'].includes(name)),
          [],
        )
      })

      it('has no file of ours open', async () => {
        const files = (await runStep(helper, stepOf(tree, ['ls', '-l', '/proc/self/fd']))).stdout.match(/\d+ -> \S+/g)
        const own = files?.map((line) => line.replace(/:\[\d+\]/, '')).filter((line) => !line.includes('/proc/1/fd')) // of ls itself
        assert.deepEqual(own, ['0 -> /dev/null', '1 -> pipe', '2 -> pipe'])
      })

      it('sees no other root and no host path in its mounts', async () => {
        // A place with two mounts is one that covers another: that is meant below /sys only.
        const text = await shell(
          helper,
          tree,
          'cd /; ls -d ../../../bin/busybox; readlink /proc/self/root; grep -v " /sys/" /proc/self/mountinfo | cut -d" " -f5 | sort | uniq -d',
        )
        assert.equal(text, '../../../bin/busybox\n/')
      })

      it('cannot reach the old root by chroot and ..', async () => {
        const text = await shell(helper, tree, `mkdir -p /tmp/c; chroot / sh -c 'cd ../../../../..; ls -d ${outside}' `)
        assert.match(text, /No such file/)
      })

      for (const path of ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/interrupts', '/proc/sched_debug'])
        it(`reads nothing from ${path}`, async () => assert.equal(await shell(helper, tree, `cat ${path} 2>/dev/null | wc -c`), '0'))

      for (const path of [
        '/proc/sys/kernel/hostname',
        '/proc/sys/kernel/core_pattern',
        '/proc/sysrq-trigger',
        '/sys/kernel/mm/transparent_hugepage/enabled',
        '/proc/sys/net/ipv4/ip_forward',
      ])
        it(`writes nothing to ${path}`, async () =>
          assert.match(await shell(helper, tree, `echo x > ${path}`), /Read-only file system|Permission denied|nonexistent|can't create/))

      it("has Docker's 14 capabilities and no more, none of them inheritable", async () => {
        const text = await shell(helper, tree, 'grep ^Cap /proc/self/status | tr -d "\\t"')
        assert.equal(
          text,
          'CapInh:0000000000000000\nCapPrm:00000000a80425fb\nCapEff:00000000a80425fb\nCapBnd:00000000a80425fb\nCapAmb:0000000000000000',
        )
      })
    })

    describe('asking the kernel', () => {
      for (const [what, want, number, ...args] of [
        ['mount', 'EPERM', CALLS.mount, 's:none', 's:/tmp', 's:tmpfs', 0, 0],
        ['unshare of a user namespace', 'EPERM', CALLS.unshare, 0x10000000],
        ['unshare of nothing', 'EPERM', CALLS.unshare, 0],
        ['setns', 'EPERM', CALLS.setns, 0, 0],
        ['clone into a user namespace', 'EPERM', CALLS.clone, 0x10000011, 0, 0, 0, 0],
        ['clone into a mount namespace', 'EPERM', CALLS.clone, 0x00020011, 0, 0, 0, 0],
        ['clone', '0', CALLS.clone, 0x11, 0, 0, 0, 0],
        ['clone3', 'ENOSYS', CLONE3, 0, 0],
        ['open_tree', 'EPERM', OPEN_TREE, 0, 's:/', 1],
        ['io_uring_setup', 'EPERM', IO_URING_SETUP, 1, 0],
        ['bpf', 'EPERM', CALLS.bpf, 0, 0, 0],
        ['perf_event_open', 'EPERM', CALLS.perf_event_open, 0, 0, -1, -1, 0],
        ['userfaultfd', 'EPERM', CALLS.userfaultfd, 0],
        ['keyctl', 'EPERM', CALLS.keyctl, 0, -3, 0],
        ['add_key', 'EPERM', CALLS.add_key, 's:user', 's:x', 's:y', 1, -3],
        ['open_by_handle_at', 'EPERM', CALLS.open_by_handle_at, 0, 0, 0],
        ['init_module', 'EPERM', CALLS.init_module, 0, 0, 0],
        ['swapon', 'EPERM', CALLS.swapon, 's:/x', 0],
        ['a call newer than our table', 'ENOSYS', NEWER_THAN_THE_TABLE],
        ['an x32 call', 'ENOSYS', 0x40000000 + 39],
        ['socket AF_ALG', 'EPERM', CALLS.socket, 38, 5, 0],
        ['socket AF_VSOCK', 'EPERM', CALLS.socket, 40, 1, 0],
        ['socket AF_INET', '0', CALLS.socket, 2, 1, 0],
        ['socket AF_NETLINK', '0', CALLS.socket, 16, 3, 0],
        ['personality 0', '0', CALLS.personality, 0],
        ['personality query', '0', CALLS.personality, 0xffffffff],
        ['personality without address randomisation', 'EPERM', CALLS.personality, 0x0040000],
        ['chroot', '0', CALLS.chroot, 's:/tmp'],
      ] as const)
        it(`${what}: ${want}`, async () => assert.equal(await call(number, ...args), want))

      it('makes no device node that works', async () => {
        // In a user namespace the kernel refuses them; a fifo is what remains.
        assert.match(await shell(helper, tree, 'mknod /tmp/disk b 254 0'), /Operation not permitted/)
        assert.match(await shell(helper, tree, 'mknod /tmp/mem c 1 1'), /Operation not permitted/)
        assert.equal(await shell(helper, tree, 'mkfifo /tmp/fifo && test -p /tmp/fifo && echo made'), 'made')
      })
    })

    describe('and what must work all the same', () => {
      it('becomes root by a set-user-id file, unless it is to have no new privileges', async function () {
        if (ids === 'single') this.skip() // there is only one user
        chmodSync(join(tree.root, 'bin/inside'), 0o4755)
        const user = { uid: 33, gid: 33, groups: [] }
        assert.equal(await inside(['ids'], user), '33 0')
        assert.equal(await inside(['ids'], { ...user, noNewPrivileges: true }), '33 33')
        chmodSync(join(tree.root, 'bin/inside'), 0o755)
      })

      it('has no capability as another user', async function () {
        if (ids === 'single') this.skip() // there is only one user
        assert.equal(await shell(helper, tree, 'grep CapEff /proc/self/status | cut -f2', { uid: 33, gid: 33 }), '0000000000000000')
      })

      it('reads and writes its devices, opens a pseudo terminal, uses shared memory', async () => {
        const script =
          'head -c 3 /dev/zero | wc -c; echo x > /dev/null && echo null; head -c 1 /dev/urandom | wc -c; echo s > /dev/shm/s && cat /dev/shm/s; test -c /dev/ptmx && echo pty; ls -d /dev/mqueue; echo out > /dev/stdout'
        assert.equal(await shell(helper, tree, script), '3\nnull\n1\ns\npty\n/dev/mqueue\nout')
      })
    })

    describe("in the host's network", () => {
      it('reaches no abstract socket of the host, but its own', async function () {
        const landlock = (await helper.probe('')).find((fact) => fact.name === 'landlock')
        if (!landlock?.ok) {
          console.log(`      skipped: landlock ${landlock?.detail}`)
          this.skip()
        }
        const name = `tsbuild-test-${process.pid}-${ids}`
        const server = spawn(join(tree.root, 'bin/inside'), ['listen-abstract', name], { stdio: ['pipe', 'pipe', 'inherit'] })
        try {
          const [greeting] = await once(server.stdout, 'data')
          assert.equal(String(greeting), '0 0\n', 'it can be reached from the host')
          assert.equal(await inside(['connect-abstract', name]), '-1 EPERM')
          assert.equal(await inside(['listen-abstract', `${name}-own`]), '0 0')
        } finally {
          server.kill()
        }
      })

      it('reaches no abstract socket without it either', async () => {
        assert.match(await inside(['connect-abstract', 'whatever'], { network: 'none' }), /^-1 E(CONNREFUSED|PERM)$/)
      })
    })

    it('puts nothing where another step sees it', async () => {
      const other = busyboxTree(['proc', 'sys', 'dev', 'etc'])
      const first = shell(helper, tree, 'echo secret > /dev/shm/secret; touch /tmp/here; sleep 0.5')
      const second = await shell(helper, other, 'sleep 0.2; ls /dev/shm /tmp; ps | grep "[s]leep 0.5"; true')
      await first
      assert.equal(second.replaceAll('\n', ''), '/dev/shm:/tmp:')
      other.dispose()
    })

    it('cannot lower the limits of what follows', async () => {
      mkdirSync(join(tree.root, 'made'), { recursive: true })
      await shell(helper, tree, 'ulimit -f 0; ulimit -n 5; umask 0777; cd /made; rmdir /made; kill -9 -1')
      assert.equal(await shell(helper, tree, 'echo fine'), 'fine')
    })
  })
