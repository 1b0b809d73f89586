import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { emulatedHere } from '../../cli/emulators.ts'
import { Cli, finished } from '../../fixtures/cli.ts'
import { type Foreign, QEMU, waitingProgram, writingProgram } from '../../fixtures/foreign.ts'
import type { Fact } from '../../native/requests/trees.ts'
import { packageRoot } from '../package-root.ts'

const ARCHITECTURES: readonly Foreign[] = ['arm64', 'riscv64']

/** FROM busybox of this machine, but for arm64: what is native in it runs all the same. */
const MIXED = 'FROM --platform=$BUILDPLATFORM busybox AS native\nFROM --platform=linux/arm64 scratch\nCOPY --from=native / /\n'

describe('RUN of another architecture', function () {
  this.timeout(60_000)
  let cli: Cli
  before(async function () {
    if (process.arch !== 'x64') return this.skip() // the programs are foreign to others, too, but not both of them
    const own = emulatedHere({}).own
    if (!ARCHITECTURES.every((name) => own.includes(name))) return this.skip() // qemu-user-static is in the list of packages for the tests
    cli = await Cli.withBusybox('emulation')
    const { facts } = JSON.parse(await cli.ok(['doctor', '--format=json'])) as { facts: Fact[] }
    if (facts.find(({ name }) => name === 'emulation')?.ok !== true) return this.skip() // before Linux 6.7
  })
  after(() => cli?.[Symbol.asyncDispose]())

  const writer = (architecture: Foreign) => ({
    [`write-${architecture}`]: { content: writingProgram(architecture, '/made', `hello from ${architecture}\n`), mode: 0o755 },
  })
  const waiter = { wait: { content: waitingProgram('arm64'), mode: 0o755 } }
  /** A folder with the emulator as a file of whoever runs the tests. */
  function ownEmulator(name: string): string {
    const folder = join(cli.folder, name)
    mkdirSync(folder)
    copyFileSync(QEMU.arm64, join(folder, 'qemu-aarch64-static'))
    return folder
  }

  it('is executed, for several at once, and what it makes is in the image of its platform', async () => {
    const files = { ...writer('arm64'), ...writer('riscv64') }
    const dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY write-$TARGETARCH /write\nRUN ["/write"]\nCMD ["/write"]\n'
    const folder = cli.context({ Dockerfile: dockerfile, ...files })
    const out = join(cli.folder, 'made')
    const args = ['--platform=linux/arm64,linux/riscv64', '--progress=plain', '-t', 'hello', '-o', out, '-o', 'type=image']
    const { status, stderr } = await cli.run(['build', ...args, folder])
    assert.equal(status, 0, stderr)
    for (const name of ARCHITECTURES) {
      assert.match(stderr, new RegExp(`^#\\d+ [\\d.]+ hello from ${name}$`, 'm'))
      assert.equal(readFileSync(join(out, `linux_${name}/made`), 'utf8'), `hello from ${name}\n`)
      assert.equal(await cli.ok(['run', `--platform=linux/${name}`, 'hello']), `hello from ${name}`)
    }
  })

  it('runs beside programs of the machine, which start foreign ones', async () => {
    const dockerfile = `${MIXED}COPY write-arm64 /write\nRUN /write && cat /made && exec /write\n`
    const { stderr } = await cli.build({ dockerfile, files: writer('arm64') })
    assert.equal(stderr.match(/hello from arm64/g)?.length, 3)
  })

  it('can neither change the emulator, which it has in sight, nor what is registered', async () => {
    const folder = ownEmulator('writable')
    // The sleeper's file is the emulator once it is no longer the shell's; a program that runs cannot be written to, so it is killed first.
    const attack = [
      '/wait & pid=$!',
      'while cmp -s /proc/$pid/exe /bin/busybox; do :; done',
      'exec 3</proc/$pid/exe',
      'kill -9 $pid; wait',
      'test "$(head -c 4 /proc/self/fd/3 | tail -c 3)" = ELF && echo in sight',
      '(echo owned >>/proc/self/fd/3) 2>&1 | grep -Eo "Read-only file system|Text file busy"',
      '(chmod 777 /proc/self/fd/3) 2>&1 | grep -o "Read-only file system"',
      'umount /dev 2>/dev/null || echo stays',
      'mount -t binfmt_misc none /mnt 2>/dev/null || echo none of its own',
      'find / -name register -path "*binfmt*" 2>/dev/null',
    ].join('\n')
    const dockerfile = `${MIXED}COPY wait /wait\nRUN <<EOF\nset +e; mkdir /mnt\n${attack}\ntrue\nEOF\n`
    const { stderr } = await cli.build({ dockerfile, files: waiter }, { env: { TSBUILD_QEMU_DIR: folder } })
    const said = [...stderr.matchAll(/^#\d+ \d[\d.]* (.*)$/gm)].map(([, line]) => line).filter((line) => line !== 'Killed')
    const [sight, write, ...rest] = said
    assert.deepEqual([sight, ...rest], ['in sight', 'Read-only file system', 'stays', 'none of its own'])
    assert.match(write ?? '', /Read-only|busy/)
    assert.ok(readFileSync(join(folder, 'qemu-aarch64-static')).equals(readFileSync(QEMU.arm64)))
  })

  it('leaves other steps of the same build as they are', async () => {
    const dockerfile = `FROM --platform=linux/arm64 scratch AS foreign
COPY wait write-arm64 /
RUN ["/write-arm64"]
FROM --platform=$BUILDPLATFORM busybox
COPY --from=foreign /write-arm64 /made /
RUN /write-arm64 || echo refused
`
    const { stderr } = await cli.build({ dockerfile, files: { ...waiter, ...writer('arm64') } })
    assert.match(stderr, /^#\d+ [\d.]+ refused$/m)
  })

  it('is told at its line where there is no emulator, with what to install; what was done before is found all the same', async () => {
    const [none, dockerfile] = [join(cli.folder, 'none'), 'FROM --platform=linux/arm64 scratch\nCOPY write-arm64 /write\nRUN ["/write"]\n']
    mkdirSync(none)
    const env = { TSBUILD_QEMU_DIR: none }
    const { stderr } = await cli.fail({ dockerfile: `${dockerfile}# anew\nRUN ["/write", "x"]\n`, files: writer('arm64') }, { env })
    assert.match(stderr, /Dockerfile:3\n[\s\S]*does not execute programs for linux\/arm64\nhint: install an emulator: TSBUILD_QEMU_DIR=/)
    await cli.build({ dockerfile, files: writer('arm64') })
    assert.deepEqual((await cli.build({ dockerfile, files: writer('arm64') }, { env })).steps.at(-1), ['RUN ["/write"]', 'CACHED'])
  })

  it('takes no emulator that needs a loader, since that would be looked for in the image', async () => {
    const folder = join(cli.folder, 'dynamic')
    mkdirSync(folder)
    copyFileSync(process.execPath, join(folder, 'qemu-aarch64'))
    const dockerfile = 'FROM --platform=linux/arm64 scratch\nCOPY wait /\nRUN ["/wait", "dynamic"]\n'
    const { stderr } = await cli.fail({ dockerfile, files: waiter }, { env: { TSBUILD_QEMU_DIR: folder } })
    assert.match(stderr, /hint: install an emulator: TSBUILD_QEMU_DIR=\S+ has none/)
  })

  describe('without a user namespace', () => {
    /** Root of a user namespace that lets nobody make another. */
    const within = (setup: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      finished(
        'unshare',
        [
          '-Um',
          '--map-auto',
          '--map-root-user',
          'sh',
          '-ec',
          `${setup}\necho 0 > /proc/sys/user/max_user_namespaces\nexec "$@"`,
          'sh',
          join(packageRoot(), 'tsbuild'),
          ...args,
        ],
        { env: { TSBUILD_ROOT: join(cli.folder, 'host-store'), TSBUILD_STACKING: 'copy', ...env } },
      )
    const context = () =>
      cli.context({ Dockerfile: 'FROM --platform=linux/arm64 scratch\nCOPY write-arm64 /\nRUN ["/write-arm64"]\n', ...writer('arm64') })
    before(async function () {
      if ((await within('true', ['version'])).status !== 0) this.skip() // no ranges of ids, as root has none, or no user namespace to begin with
    })

    it('refuses to change what the machine has registered, and says what helps', async () => {
      const { status, stderr } = await within('true', ['build', context()])
      assert.equal(status, 1)
      assert.match(
        stderr,
        /Dockerfile:3\n[\s\S]*lets no emulator be registered for one step[\s\S]*\nhint: that needs Linux 6\.7 .* binfmt-support/,
      )
    })
    it('takes what the machine has registered', async () => {
      const line = ':qemu-aarch64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00::'
      const setup = `mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf '%s' '${line}${QEMU.arm64}:F' > /proc/sys/fs/binfmt_misc/register`
      const none = join(cli.folder, 'nothing')
      mkdirSync(none)
      const { status, stderr } = await within(setup, ['build', '--progress=plain', context()], { TSBUILD_QEMU_DIR: none })
      assert.equal(status, 0, stderr)
      assert.match(stderr, /hello from arm64/)
    })
  })
})
