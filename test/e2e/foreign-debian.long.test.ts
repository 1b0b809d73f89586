import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Cli, outputOf } from '../../fixtures/cli.ts'
import { aptOptions, foreignDebianLayout } from '../../fixtures/debian.ts'
import { has } from '../registry/remote/docker-registry.ts'

const ARCHITECTURES = ['arm64', 'riscv64'] as const
const NEEDED = ['mmdebstrap', 'arch-test', 'qemu-aarch64-static', 'qemu-riscv64-static', 'skopeo']

const DOCKERFILE = `FROM debian
COPY apt.conf /etc/apt/apt.conf.d/99machine
RUN apt-get -qq update && apt-get -qq install -y --no-install-recommends adduser libcap2-bin && rm -rf /var/lib/apt/lists/*
RUN adduser --quiet --system --group app && su -s /bin/sh app -c 'echo "I am $(id -un)"'
RUN cp /bin/true /usr/local/bin/tool && setcap cap_net_raw+ep /usr/local/bin/tool && getcap /usr/local/bin/tool && dpkg --print-architecture
CMD ["uname", "-m"]
`

describe('Debian of other architectures', function () {
  this.timeout(3_600_000)
  let cli: Cli
  before(async function () {
    const missing = NEEDED.filter((program) => !has(program))
    if (process.arch !== 'x64' || missing.length > 0) return this.skip() // they are in the list of packages for the tests
    if (process.getuid?.() === 0) return this.skip() // the bases are made with the ids of an ordinary user, who runs this, too
    cli = new Cli('foreign-debian')
    const copy = async (architecture: (typeof ARCHITECTURES)[number]) => {
      const layout = await foreignDebianLayout(architecture)
      await cli.ok(['pull', '-q', `oci:${layout}:debian`, '--name', `debian-${architecture}`])
    }
    for (const architecture of ARCHITECTURES) await copy(architecture)
  })
  after(() => cli?.[Symbol.asyncDispose]())

  it('installs packages, makes users and sets capabilities, for both in one build', async () => {
    const context = cli.context({
      Dockerfile: `ARG TARGETARCH\n${DOCKERFILE.replace('FROM debian', 'FROM debian-$TARGETARCH')}`,
      'apt.conf': aptOptions()
        .map((line) => `${line}\n`)
        .join(''),
    })
    const platforms = ARCHITECTURES.map((name) => `linux/${name}`)
    const args = ['build', '--progress=plain', `--platform=${platforms.join()}`, '-t', 'both', '-o', `type=oci,dest=${cli.folder}/both.tar`]
    const { status, stderr } = await cli.run([...args, context], { timeoutMs: 3_000_000 })
    assert.equal(status, 0, stderr)
    for (const line of ['I am app', '/usr/local/bin/tool cap_net_raw=ep', ...ARCHITECTURES])
      assert.match(stderr, new RegExp(`^#\\d+ [\\d.]+ ${line}$`, 'm'))
    assert.equal(await cli.ok(['run', '--platform=linux/riscv64', 'both']), 'riscv64')
    const raw = await outputOf('skopeo', ['inspect', '--raw', `oci-archive:${join(cli.folder, 'both.tar')}`])
    assert.deepEqual(
      JSON.parse(raw).manifests.map(({ platform }: { platform: { architecture: string } }) => platform.architecture),
      ARCHITECTURES,
    )
  })
})
