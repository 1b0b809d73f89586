import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FIXES, UNUSED } from '../../cli/fixes.ts'
import { isolationOf } from '../../cli/isolation.ts'
import { type Finished, finished, realFolder } from '../../fixtures/cli.ts'
import type { Fact } from '../../native/requests/trees.ts'

const TSBUILD = fileURLToPath(new URL('../../../tsbuild', import.meta.url))

describe('tsbuild doctor', function () {
  this.timeout(20_000)
  let folder: string
  before(() => {
    folder = realFolder('doctor')
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const env = () => ({ TSBUILD_ROOT: join(folder, 'store'), TSBUILD_IDS: '', TSBUILD_STACKING: '' })
  /** `setup` is a line of shell in a user namespace of its own, whose root we are; it ends in `"$@"`. */
  const within = (setup: string, args: readonly string[]): Promise<Finished> =>
    finished('unshare', ['-Ur', 'sh', '-c', setup, 'sh', TSBUILD, ...args], { env: env() })

  it('has a row for every fact that the helper reports, and no other', async function () {
    const { status, stdout } = await finished(TSBUILD, ['doctor', '--format=json'], { env: env() })
    assert.equal(status, 0)
    const { facts } = JSON.parse(stdout) as { facts: Fact[] }
    if (facts.length === 2) this.skip() // the helper cannot start here
    assert.deepEqual(facts.map(({ name }) => name).sort(), [...Object.keys(FIXES), ...UNUSED].sort())
  })

  for (const [what, setup, row] of [
    [
      'the kernel lets nobody make a user namespace',
      'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"',
      'no   user namespace: no user namespace is to be had here: ENOSPC: clone3\n     raise the limit in /proc/sys/user/max_user_namespaces\n',
    ],
    [
      'root has no capabilities',
      'exec setpriv --bounding-set=-all --inh-caps=-all "$@"',
      'no   user namespace: no user namespace is to be had here: EPERM: write\n     root without capabilities may map no ids',
    ],
  ] as const)
    it(`prints its table where ${what}`, async function () {
      if ((await within('exec true', [])).status !== 0) this.skip() // no unshare(1), or no user namespace to begin with
      const { status, stdout, stderr } = await within(setup, ['doctor'])
      assert.deepEqual([status, stderr], [0, ''])
      assert.match(stdout, /^isolation: none is to be had here, so a RUN fails; Dockerfiles without RUN are built all the same/m)
      assert.ok(stdout.includes(row), stdout)
      assert.match(stdout, /^no {3}ids: .+\n {5}.+$/m)
    })

  it('tells which architectures can be emulated, or what is missing for that', async () => {
    const none = await finished(TSBUILD, ['doctor'], { env: { ...env(), TSBUILD_QEMU_DIR: folder } })
    assert.match(
      none.stdout,
      /^(no {3}emulators: RUN for other architectures needs one\n {5}apt-get install|yes {2}emulators: registered by)/m,
    )
    const { stdout } = await finished(TSBUILD, ['doctor', '--format=json'], { env: env() })
    assert.deepEqual(Object.keys(JSON.parse(stdout).emulators), ['own', 'host'])
  })

  it('says why root has no better ids than those of the machine, and how to have them', async function () {
    const { stdout } = await within('echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', ['doctor'])
    if (stdout === '') this.skip()
    assert.match(
      stdout,
      /^isolation: no user namespace .*; ids host: .* \(own: ENOSPC: clone3; .*; single: ENOSPC: clone3\); .*; for more, allow user namespaces/m,
    )
  })
})

describe('isolationOf', () => {
  const good: Fact[] = [
    { name: 'ids', ok: true, detail: 'own: all ids' },
    { name: 'user namespace', ok: true, detail: '' },
    { name: 'overlay', ok: true, detail: '' },
  ]
  const but = (name: string, detail: string) => good.map((fact) => (fact.name === name ? { name, ok: false, detail } : fact))

  for (const [what, facts, line] of [
    ['the best', good, 'isolation: user namespace; ids own: all ids; files overlay'],
    [
      'copies, and why',
      but('overlay', 'EINVAL: mount overlay'),
      'isolation: user namespace; ids own: all ids; files whole copies of trees (EINVAL: mount overlay)',
    ],
    [
      'a single id, why, and what helps',
      but('ids', 'single: 1 user id, 1 group id (ranges: no ranges for this user (/etc/subuid))'),
      `isolation: user namespace; ids single: 1 user id, 1 group id (ranges: no ranges for this user (/etc/subuid)); files overlay; for more, ${FIXES.ids}`,
    ],
  ] as const)
    it(`says ${what}`, () => assert.equal(isolationOf(facts).line, line))
})
