import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf } from '../../../registry/oci/digest.ts'
import { checkStore } from '../../../registry/store/check.ts'
import { refreshIndex } from '../../../registry/store/layout.ts'
import { fileNameOfName } from '../../../registry/store/names.ts'
import { putBlob, putImage } from './images.ts'
import { startWriter, testStore } from './support.ts'

describe('names', () => {
  it('are set, found, listed and deleted', async () => {
    await using t = await testStore()
    const { names, blobs } = t.store
    const [a, b] = [await putImage(blobs, ['a']), await putImage(blobs, ['b'])]
    await names.set('docker.io/library/b:1', b)
    await names.set('docker.io/library/a:1', b)
    await names.set('docker.io/library/a:1', a)
    assert.deepEqual(await names.get('docker.io/library/a:1'), a)
    assert.equal(await names.get('docker.io/library/a'), undefined)
    assert.deepEqual(await names.list(), [
      { name: 'docker.io/library/a:1', descriptor: a },
      { name: 'docker.io/library/b:1', descriptor: b },
    ])
    assert.deepEqual([await names.delete('docker.io/library/a:1'), await names.delete('docker.io/library/a:1')], [true, false])
    assert.equal((await names.list()).length, 1)
  })
  it('make all that they lead to durable', async () => {
    await using t = await testStore()
    const image = await putImage(t.store.blobs, ['a', 'b'])
    await t.store.names.set('app', image)
    for (const hex of readdirSync(`${t.root}/blobs/sha256`)) assert.equal(statSync(`${t.root}/blobs/sha256/${hex}`).mode & 0o222, 0, hex)
  })
  it('can be anything', async () => {
    await using t = await testStore()
    const descriptor = await putBlob(t.store.blobs, 'text/plain', 'x')
    const odd = [
      '.',
      '..',
      '../../etc/passwd',
      'a/b',
      'a%2Fb',
      'a\nb',
      'ü',
      '',
      '\0',
      `r.io/${'long/'.repeat(60)}x`,
      `r.io/${'long/'.repeat(60)}y`,
      "!'()*~",
      'A',
      'a',
    ]
    for (const name of odd) await t.store.names.set(name, descriptor)
    assert.deepEqual(new Set((await t.store.names.list()).map(({ name }) => name)), new Set(odd))
    for (const name of odd) assert.equal(await t.store.names.delete(name), true, JSON.stringify(name))
    assert.deepEqual(readdirSync(`${t.root}/names`), [])
  })
  it('have file names that stay in their folder', () => {
    for (const name of ['.', '..', '../x', '/x', 'x/..', 'a'.repeat(5000), '\0']) {
      assert.match(fileNameOfName(name), /^[A-Za-z0-9%_:@-][A-Za-z0-9%_:@.-]{0,250}$/, name)
    }
  })
  for (const [what, bytes] of [
    ['cut short', '\x01{"na'],
    ['empty', ''],
    ['of another format', '\x02{"name":"app"}'],
    ['no descriptor', '\x01{"name":"app","descriptor":{}}'],
  ] as const) {
    it(`are not there when their file is ${what}`, async () => {
      await using t = await testStore()
      writeFileSync(`${t.root}/names/app`, bytes, 'latin1')
      assert.equal(await t.store.names.get('app'), undefined)
      assert.deepEqual(await t.store.names.list(), [])
    })
  }
  it('survive kill -9 at any moment, each whole', async function () {
    this.timeout(60_000)
    await using t = await testStore()
    for (let round = 0; round < 4; round++) {
      const writer = startWriter(t.root, { mediaType: '', digest: digestOf(''), size: 0 }, 'names')
      await writer.ready
      await sleep(60 + 40 * round)
      await writer.kill()
      await refreshIndex(t.store)
      assert.deepEqual(await checkStore(t.store), [])
    }
    assert.ok((await t.store.names.list()).length > 0)
  })
})

describe('refreshIndex', () => {
  it('makes index.json say what the names say', async () => {
    await using t = await testStore()
    const image = await putImage(t.store.blobs, ['a'])
    await t.store.names.set('docker.io/library/app:1', image)
    await refreshIndex(t.store)
    const index = JSON.parse(readFileSync(`${t.root}/index.json`, 'utf8'))
    const annotations = {
      'org.opencontainers.image.ref.name': 'docker.io/library/app:1',
      'io.containerd.image.name': 'docker.io/library/app:1',
    }
    assert.deepEqual(index.manifests, [{ ...image, annotations }])
    await t.store.names.delete('docker.io/library/app:1')
    await refreshIndex(t.store)
    assert.deepEqual(JSON.parse(readFileSync(`${t.root}/index.json`, 'utf8')).manifests, [])
  })
  it('touches nothing when no name changed', async () => {
    await using t = await testStore()
    const image = await putImage(t.store.blobs, ['a'])
    await t.store.names.set('app', image)
    await refreshIndex(t.store)
    const before = statSync(`${t.root}/index.json`).ino
    await t.store.names.set('app', image)
    assert.equal(existsSync(`${t.root}/index.stale`), false)
    await refreshIndex(t.store)
    assert.equal(statSync(`${t.root}/index.json`).ino, before)
  })
  it('catches up after a process that died before it', async () => {
    await using t = await testStore()
    await t.store.names.set('app', await putImage(t.store.blobs, ['a']))
    await using next = await t.reopen()
    await refreshIndex(next)
    assert.equal(JSON.parse(readFileSync(`${t.root}/index.json`, 'utf8')).manifests.length, 1)
  })
})
