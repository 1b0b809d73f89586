import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Bench, change, missingForSnapshots, openBench, seal, shell } from '../snapshotter/bench.ts'

describe('removing a tree', function () {
  this.timeout(120_000)
  let bench: Bench
  let folder: string

  before(async function () {
    if (missingForSnapshots() !== undefined) return this.skip()
    bench = await openBench('overlay')
    folder = join(bench.root, 'steps', 'tree')
  })
  beforeEach(() => mkdir(folder, { recursive: true }))
  after(() => bench?.close())

  const remove = (...names: string[]) => bench.helper.remove(names.map((name) => join(bench.root, 'steps', name)))

  it('follows no link out of it', async () => {
    const outside = join(bench.root, 'outside')
    await mkdir(outside)
    await writeFile(join(outside, 'f'), 'kept')
    await symlink(outside, join(folder, 'link'))
    await symlink(outside, join(bench.root, 'steps', 'itself'))
    await remove('tree', 'itself')
    assert.equal(await readFile(join(outside, 'f'), 'utf8'), 'kept')
    assert.deepEqual(await readdir(join(bench.root, 'steps')), [])
  })

  it('takes files, closed directories and what is not there', async () => {
    await mkdir(join(folder, 'a/b'), { recursive: true })
    await writeFile(join(folder, 'a/b/c'), '')
    await chmod(join(folder, 'a/b'), 0)
    await chmod(join(folder, 'a'), 0)
    await writeFile(join(bench.root, 'steps', 'file'), '')
    await remove('tree', 'file', 'nothing', 'nothing/below')
    assert.deepEqual(await readdir(join(bench.root, 'steps')), [])
  })

  it('goes on after a failure, and tells of it', async () => {
    await assert.rejects(bench.helper.remove(['/proc/version', folder]), { code: 'NATIVE_FAILURE' })
    assert.equal(existsSync(folder), false)
  })

  for (const path of ['relative', '', '/', '/tmp/..', '/tmp/.'])
    it(`refuses ${JSON.stringify(path)}`, () => assert.rejects(bench.helper.remove([path]), { code: 'NATIVE_FAILURE' }))

  it('is deeper than any path, and wide', async () => {
    const base = await bench.layers.shell()
    const active = await bench.snapshots.begin([base])
    const deep = Array(1300).fill('dd').join('/') // 3899 bytes
    await shell(active, `mkdir -p ${deep}; cd ${deep}; mkdir -p ${deep}`)
    await assert.rejects(seal(bench, active), { code: 'LAYER_NAME', message: /more than 4095 bytes: "dd\/dd\/dd/ })
    await active[Symbol.asyncDispose]()
    const names = Array.from({ length: 20_000 }, (_, i) => join(folder, `${i}`))
    for (const name of names) await mkdir(name)
    await remove('tree')
    assert.deepEqual(await readdir(join(bench.root, 'steps')), [])
  })
})

describe('beginning a tree', function () {
  this.timeout(60_000)
  let bench: Bench

  before(async function () {
    if (missingForSnapshots() !== undefined) return this.skip()
    bench = await openBench('overlay')
  })
  after(() => bench?.close())

  it('takes the metadata of the root below', async () => {
    const root = {
      path: '',
      type: 'directory',
      mode: 0o711,
      uid: 5,
      gid: 6,
      xattrs: { 'user.a': '1', 'user.overlay.opaque': 'y' },
    } as const
    const layers = [await bench.layers.shell(), await bench.layers.layer(root)]
    await using active = await bench.snapshots.begin(layers)
    assert.equal(await shell(active, "stat -c '%a %u %g %y' ."), '711 5 6 2001-09-09 01:46:40.000000000 +0000\n')
    const { entries } = await change(bench, layers, 'chmod 755 .')
    assert.deepEqual(
      entries.map(({ path, mode, uid, xattrs }) => ({ path, mode, uid, xattrs })),
      [{ path: '', mode: 0o755, uid: 5, xattrs: { 'user.a': '1' } }],
    )
  })

  it('of nothing is 0755, whatever the umask', async () => {
    const active = join(bench.root, 'steps', 'new')
    await mkdir(active, { recursive: true })
    await bench.helper.begin({ stacking: 'overlay', lowers: [], active })
    assert.equal((await stat(join(active, 'fs'))).mode & 0o7777, 0o755)
  })

  it('refuses a folder that was begun', async () => {
    await assert.rejects(bench.helper.begin({ stacking: 'overlay', lowers: [], active: join(bench.root, 'steps', 'new') }), {
      code: 'NATIVE_FAILURE',
      message: /EEXIST \(mkdir\)/,
    })
  })
})
