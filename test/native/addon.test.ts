import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { access, link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { sha256 as noble } from '@noble/hashes/sha2.js'
import { openAddon } from '../../native/addon.ts'
import { BUILT, entryOf, packRequest, run, theAddon, useFolder } from './layer/core.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('the addon', function () {
  this.timeout(30_000)
  const folder = useFolder()
  const addon = theAddon()

  it('says which codecs it has, as the helper does', async () => {
    const { stdout } = await run(join(BUILT, 'tsbuild-sandbox'), ['--version'])
    assert.match(addon.codecs, /^gzip: .*; zstd: /)
    assert.ok(stdout.includes(addon.codecs), stdout)
  })

  it('can be opened twice, and says what is wrong with a file that is none', async () => {
    assert.equal(openAddon(join(BUILT, 'tsbuild_addon.node')).version, addon.version)
    await writeFile(folder.at('not.node'), 'text')
    assert.throws(() => openAddon(folder.at('not.node')), /file too short|invalid ELF header/)
  })

  describe('hash', () => {
    it('agrees with node:crypto and @noble/hashes at every length around a block', async () => {
      const lengths = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 1000, 262_143, 262_144, 262_145]
      const paths = lengths.map((length) => `f${length}`)
      const contents = lengths.map((length) => randomBytes(length))
      for (const [i, path] of paths.entries()) await writeFile(folder.at(path), contents[i] ?? '')
      const hashed = await addon.hash({ root: folder.path, paths })
      assert.deepEqual(
        hashed.map((file) => hex(file.digest)),
        contents.map((bytes) => createHash('sha256').update(bytes).digest('hex')),
      )
      assert.deepEqual(
        hashed.map((file) => hex(file.digest)),
        contents.map((bytes) => hex(noble(bytes))),
      )
      assert.deepEqual(
        hashed.map((file) => file.size),
        lengths,
      )
    })

    const refused: readonly [string, string, RegExp][] = [
      ['a missing file', 'missing', /^cannot read missing: ENOENT \(openat2\)$/],
      ['a symlink', 'link', /^cannot read link: ELOOP \(openat2\)$/],
      ['a path out of the root', '../x', /^cannot read \.\.\/x: EXDEV \(openat2\)$/],
      ['a directory', 'sub', /^sub: not a regular file$/],
    ]
    for (const [what, path, message] of refused) {
      it(`refuses ${what}`, async () => {
        await mkdir(folder.at('sub'))
        await symlink('/etc/passwd', folder.at('link'))
        await assert.rejects(
          addon.hash({ root: folder.path, paths: [path] }),
          (error: Error & { code: string; cause: { path: string } }) => {
            return error.code === 'NATIVE_FAILURE' && error.cause.path === path && message.test(error.message)
          },
        )
      })
    }

    it('does not wait for the other end of a fifo', async () => {
      await run('mkfifo', [folder.at('fifo')])
      await assert.rejects(addon.hash({ root: folder.path, paths: ['fifo'] }), { message: 'fifo: not a regular file' })
    })
  })

  describe('list', () => {
    it('gives entries sorted by bytes with all that lstat knows', async () => {
      await mkdir(folder.at('d'))
      await writeFile(folder.at('d/b'), 'four')
      await link(folder.at('d/b'), folder.at('d/Z'))
      await symlink('target', folder.at('d/a'))
      const [entries, missing, file] = await addon.list({ root: folder.path, directories: ['d', 'no', 'd/b'], xattrs: false })
      assert.deepEqual([missing, file], [undefined, undefined])
      assert.deepEqual(
        entries?.map((entry) => [entry.name, entry.type, entry.size, entry.link, entry.links]),
        [
          ['Z', 'file', 4, '', 2],
          ['a', 'symlink', 6, 'target', 1],
          ['b', 'file', 4, '', 2],
        ],
      )
    })

    it('lists the root itself, and nothing through symlinks', async () => {
      await mkdir(folder.at('d'))
      await writeFile(Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([255])]), '')
      await symlink('d', folder.at('l'))
      const [root, through] = await addon.list({ root: folder.path, directories: ['', 'l'], xattrs: false })
      assert.deepEqual(
        root?.map((entry) => entry.name),
        ['d', 'l', '\xff'],
      )
      assert.equal(through, undefined)
    })

    it('reads the xattrs of users, and capabilities in the form of layers', async function () {
      if (process.getuid?.() !== 0) return this.skip()
      await writeFile(folder.at('f'), '')
      await run('setfattr', ['-n', 'user.note', '-v', '0x6100ff', folder.at('f')])
      await run('setcap', ['-n', '1001', 'cap_net_raw+ep', folder.at('f')])
      const [entries] = await addon.list({ root: folder.path, directories: [''], xattrs: true })
      const [capability, note] = entries?.[0]?.xattrs ?? []
      assert.deepEqual(note, { name: 'user.note', value: 'a\0\xff' })
      assert.deepEqual([capability?.name, capability?.value.length, capability?.value.charCodeAt(3)], ['security.capability', 20, 2])
    })

    it('lists many directories in the order asked', async () => {
      const directories = Array.from({ length: 200 }, (_, i) => `d${i}`)
      for (const path of directories) await mkdir(folder.at(`${path}/in-${path}`), { recursive: true })
      const lists = await addon.list({ root: folder.path, directories, xattrs: false })
      assert.deepEqual(
        lists.map((entries) => entries?.[0]?.name),
        directories.map((path) => `in-${path}`),
      )
    })
  })

  describe('clone', () => {
    it('copies a file of any size into a new one', async () => {
      for (const size of [0, 1, 3_000_000]) {
        const bytes = randomBytes(size)
        await writeFile(folder.at(`from${size}`), bytes)
        await addon.clone({ from: folder.at(`from${size}`), to: folder.at(`to${size}`) })
        assert.ok((await readFile(folder.at(`to${size}`))).equals(bytes))
      }
    })
    it('overwrites nothing', async () => {
      await writeFile(folder.at('from'), 'a')
      await writeFile(folder.at('to'), 'b')
      await assert.rejects(addon.clone({ from: folder.at('from'), to: folder.at('to') }), { message: /EEXIST/ })
      assert.equal(await readFile(folder.at('to'), 'utf8'), 'b')
    })
  })

  describe('abort', () => {
    it('ends a request with the reason, and removes what it had begun', async () => {
      const size = 64 << 20
      await writeFile(folder.at('large'), Buffer.alloc(size, 'words '))
      const entries = Array.from({ length: 40 }, (_, i) =>
        entryOf({ path: `f${i}`, size, source: { kind: 'file', root: 0, path: 'large' } }),
      )
      const request = packRequest(folder.at('out'), entries, { codec: 'gzip', roots: [folder.path], toc: folder.at('toc') })
      const reason = new Error('enough')
      const control = new AbortController()
      setTimeout(() => control.abort(reason), 100)
      await assert.rejects(addon.pack(request, control.signal), reason)
      await assert.rejects(access(folder.at('out')), { code: 'ENOENT' })
      await assert.rejects(access(folder.at('toc')), { code: 'ENOENT' })
    })
    it('does not begin when it is aborted already', async () => {
      await assert.rejects(addon.pack(packRequest(folder.at('out'), []), AbortSignal.abort(new Error('before'))), { message: 'before' })
      await assert.rejects(access(folder.at('out')), { code: 'ENOENT' })
    })
  })

  describe('lock', () => {
    it('excludes others until it is released', async () => {
      const request = { path: folder.at('lock'), mode: 'exclusive' } as const
      const first = await addon.lock(request)
      assert.equal(await addon.lock(request, { wait: false }), undefined)
      let waits = 0
      const second = addon.lock(request, { onWait: () => waits++ })
      await first?.release()
      await first?.release() // twice is once
      await (await second)?.release()
      assert.equal(waits, 1)
    })
    it('is shared by readers', async () => {
      const [one, two] = [
        await addon.lock({ path: folder.at('lock'), mode: 'shared' }),
        await addon.lock({ path: folder.at('lock'), mode: 'shared' }),
      ]
      assert.equal(await addon.lock({ path: folder.at('lock'), mode: 'exclusive' }, { wait: false }), undefined)
      await one?.release()
      await two?.release()
    })
    it('is dropped by the kernel when its process dies', async () => {
      const script = `import { openAddon } from ${JSON.stringify(new URL('../../native/addon.js', import.meta.url).href)}
        await openAddon(${JSON.stringify(join(BUILT, 'tsbuild_addon.node'))}).lock({ path: ${JSON.stringify(folder.at('lock'))}, mode: 'exclusive' })
        process.kill(process.pid, 'SIGKILL')`
      assert.equal(spawnSync(process.execPath, ['--input-type=module', '-e', script]).signal, 'SIGKILL')
      const held = await addon.lock({ path: folder.at('lock'), mode: 'exclusive' }, { wait: false })
      assert.ok(held)
      await held.release()
    })
    it('stops waiting with the reason of the abort', async () => {
      const request = { path: folder.at('lock'), mode: 'exclusive' } as const
      const held = await addon.lock(request)
      const control = new AbortController()
      await assert.rejects(addon.lock(request, { signal: control.signal, onWait: () => control.abort(new Error('no more')) }), {
        message: 'no more',
      })
      await held?.release()
    })
  })

  describe('spawn', () => {
    it('gives the child descriptor 3 and nothing else', async () => {
      const script = 'read line <&3; echo "got $line" >&3; ls /proc/self/fd >&3; exit 7'
      const child = addon.spawn('/bin/sh', ['sh', '-c', script], ['PATH=/usr/bin:/bin'])
      const socket = new Socket({ fd: child.fd, readable: true, writable: true })
      socket.write('hello\n')
      let text = ''
      for await (const bytes of socket) text += bytes
      assert.deepEqual(text.trim().split('\n').slice(0, 5), ['got hello', '0', '1', '2', '3'])
      assert.deepEqual(await child.ended, { exit: 7, signal: 0 })
    })
    it('tells the signal that ended it', async () => {
      const child = addon.spawn('/bin/sh', ['sh', '-c', 'kill -9 $$'], [])
      const socket = new Socket({ fd: child.fd, readable: true, writable: true })
      socket.resume()
      assert.deepEqual(await keepAlive(child.ended), { exit: 0, signal: 9 })
      socket.destroy()
    })
    it('says when there is no such program', () => {
      assert.throws(() => addon.spawn('/no/such', ['x'], []), {
        code: 'NATIVE_FAILURE',
        message: 'cannot start /no/such: ENOENT (posix_spawn)',
      })
    })
  })
})

/** `ended` does not keep Node alive by itself. */
async function keepAlive<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1000)
  return promise.finally(() => clearInterval(timer))
}
