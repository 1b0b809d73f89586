import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { tarOf } from '../../../fixtures/tars.ts'
import type { ReadCodec } from '../../../native/requests/fields.ts'
import type { BlobSource } from '../../../native/requests/layers.ts'
import { entryOf, inline, packRequest, run, theAddon, useFolder } from './core.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

describe('reading blobs', function () {
  this.timeout(30_000)
  const folder = useFolder()
  const addon = theAddon()
  const content = Buffer.concat([randomBytes(1_200_000), Buffer.alloc(2_500_000, 'words '), randomBytes(1000)])
  const tar = tarOf([
    { path: 'a', content: 'first' },
    { path: 'f', content },
  ])
  const source = (codec: ReadCodec): BlobSource => ({ path: folder.at('blob'), codec })
  const index = (codec: ReadCodec) => addon.index({ blob: source(codec), toc: folder.at(`toc${Math.random()}`) })

  const foreign: readonly [string, ReadCodec, () => Uint8Array | Promise<Uint8Array>][] = [
    ['no codec', 'none', () => tar],
    ['gzip in one member', 'gzip', () => gzipSync(tar)],
    ['gzip in many members', 'gzip', () => Buffer.concat([gzipSync(tar.subarray(0, 100)), gzipSync(''), gzipSync(tar.subarray(100))])],
    ['gzip padded with zeros', 'gzip', () => Buffer.concat([gzipSync(tar), Buffer.alloc(700)])],
    [
      'gzip with a name and comment',
      'gzip',
      async () => (await run('gzip', ['-c', folder.at('tar')], { encoding: 'buffer', maxBuffer: 1 << 26 })).stdout,
    ],
    [
      'gzip of ours, then other gzip',
      'gzip',
      async () => Buffer.concat([await ours(tar.subarray(0, 2_000_000)), gzipSync(tar.subarray(2_000_000))]),
    ],
    ['zstd in one frame', 'zstd', () => packed('zstd')],
    ['bzip2', 'bzip2', () => packed('bzip2')],
    [
      'bzip2 in many streams',
      'bzip2',
      async () =>
        Buffer.concat([await packed('bzip2', tar.subarray(0, 100)), await packed('bzip2', ''), await packed('bzip2', tar.subarray(100))]),
    ],
    ['xz', 'xz', () => packed('xz')],
    ['xz with the largest preset and another check', 'xz', () => packed('xz', tar, '-9e', '-C', 'sha256')],
    [
      'xz in many streams, and zeros in fours',
      'xz',
      async () =>
        Buffer.concat([await packed('xz', tar.subarray(0, 100)), Buffer.alloc(8), await packed('xz', tar.subarray(100)), Buffer.alloc(4)]),
    ],
  ]
  for (const [what, codec, make] of foreign) {
    it(`reads ${what}, and any piece of it`, async () => {
      await writeFile(folder.at('tar'), tar)
      await writeFile(folder.at('blob'), await make())
      const reply = await index(codec)
      assert.deepEqual([hex(reply.diffID), reply.tarSize], [sha256(tar), tar.length])
      for (const [offset, size] of [
        [0, 10],
        [1_048_570, 20],
        [tar.length - 5, 5],
        [2_000_000, 1_100_000],
      ] as const) {
        const piece = await addon.read({ blob: source(codec), offset, size })
        assert.ok(Buffer.from(piece).equals(tar.subarray(offset, offset + size)), `${size} bytes at ${offset}`)
      }
      await assert.rejects(addon.read({ blob: source(codec), offset: tar.length - 5, size: 6 }), { message: /ends before/ })
    })

    it(`packs from ${what}`, async () => {
      await writeFile(folder.at('tar'), tar)
      await writeFile(folder.at('blob'), await make())
      const entries = [
        entryOf({ path: 'late', size: 1000, source: { kind: 'blob', blob: 0, offset: 2_000_000 } }),
        entryOf({ path: 'early', size: 5, source: { kind: 'blob', blob: 0, offset: 512 } }),
      ]
      await addon.pack(packRequest(folder.at('out'), entries, { blobs: [source(codec)] }))
      const out = await readFile(folder.at('out'))
      assert.equal(out.subarray(2048, 2053).toString(), 'first')
      assert.ok(out.subarray(512, 1512).equals(tar.subarray(2_000_000, 2_001_000)))
    })
  }

  /** By the program of that name. */
  async function packed(program: 'zstd' | 'bzip2' | 'xz', bytes: Uint8Array | string = tar, ...args: string[]): Promise<Buffer> {
    await writeFile(folder.at('unpacked'), bytes)
    return (await run(program, ['-cq', ...args, folder.at('unpacked')], { encoding: 'buffer', maxBuffer: 1 << 26 })).stdout
  }

  async function ours(bytes: Uint8Array): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    for await (const piece of addon.encoder(
      'gzip',
      (async function* () {
        yield bytes
      })(),
    ))
      pieces.push(piece)
    return Buffer.concat(pieces)
  }

  const broken: readonly [string, ReadCodec, () => Uint8Array | Promise<Uint8Array>, RegExp][] = [
    ['an empty gzip', 'gzip', () => Buffer.alloc(0), /end early/],
    ['an empty zstd', 'zstd', () => Buffer.alloc(0), /end early/],
    ['a gzip cut off', 'gzip', () => gzipSync(tar).subarray(0, 500_000), /end early/],
    ['a zstd cut off', 'zstd', async () => (await packed('zstd')).subarray(0, 900_000), /end early/],
    ['no gzip at all', 'gzip', () => tar, /not gzip/],
    ['no zstd at all', 'zstd', () => tar, /zstd: /],
    ['no bzip2 at all', 'bzip2', () => tar, /not bzip2/],
    ['an empty bzip2', 'bzip2', () => Buffer.alloc(0), /end early/],
    ['a bzip2 cut off', 'bzip2', async () => (await packed('bzip2')).subarray(0, -3), /end early/],
    ['a bzip2 with a wrong checksum', 'bzip2', async () => patched(await packed('bzip2'), -2, 1), /not bzip2/],
    ['a damaged bzip2', 'bzip2', async () => patched(await packed('bzip2'), 70_000, 1), /not bzip2/],
    ['bytes after a bzip2', 'bzip2', async () => Buffer.concat([await packed('bzip2'), Buffer.from('x')]), /not bzip2|end early/],
    ['no xz at all', 'xz', () => tar, /not xz/],
    ['an empty xz', 'xz', () => Buffer.alloc(0), /end early/],
    ['an xz cut off', 'xz', async () => (await packed('xz')).subarray(0, -3), /end early/],
    ['a damaged xz', 'xz', async () => patched(await packed('xz'), 70_000, 1), /not xz/],
    ['bytes after an xz', 'xz', async () => Buffer.concat([await packed('xz'), Buffer.from('x')]), /not xz|end early/],
    ['three zeros after an xz', 'xz', async () => Buffer.concat([await packed('xz'), Buffer.alloc(3)]), /end early/],
    ['bytes after a gzip', 'gzip', () => Buffer.concat([gzipSync(tar), Buffer.from('x')]), /not gzip|end early/],
    ['a member of ours cut off', 'gzip', async () => (await ours(tar)).subarray(0, -100), /end early/],
    ['a member of ours that lies about its size', 'gzip', async () => patched(await ours(tar), 16, 5), /not gzip/],
    [
      'a member of ours with a wrong checksum',
      'gzip',
      async () => {
        const bytes = await ours(tar)
        return patched(bytes, bytes.readUInt32LE(16) - 8, 1)
      },
      /checksum/,
    ],
    ['a tar cut off', 'none', () => tar.subarray(0, 100_000), /ends inside an entry/],
  ]
  for (const [what, codec, make, message] of broken) {
    it(`refuses ${what}`, async () => {
      await writeFile(folder.at('tar'), tar)
      await writeFile(folder.at('blob'), await make())
      await assert.rejects(
        index(codec),
        (error: Error & { cause: { code: string } }) => error.cause.code === 'EBADMSG' && message.test(error.message),
      )
    })
  }

  it('refuses a bomb before it has expanded', async () => {
    // 3 GiB of zeros in a few kilobytes: each frame of zstd is one repeated byte.
    const frame: Uint8Array[] = []
    for await (const piece of addon.encoder(
      'zstd',
      (async function* () {
        yield new Uint8Array(1 << 20)
      })(),
    ))
      frame.push(piece)
    await writeFile(folder.at('blob'), Buffer.concat(Array.from({ length: 3072 }, () => Buffer.concat(frame))))
    const header = tarOf([{ path: 'bomb', claims: 3 * 2 ** 30 - 512 }], 0)
    const first: Uint8Array[] = []
    for await (const piece of addon.encoder(
      'zstd',
      (async function* () {
        yield header
      })(),
    ))
      first.push(piece)
    await writeFile(folder.at('blob'), Buffer.concat([...first, await readFile(folder.at('blob'))]))
    await assert.rejects(
      index('zstd'),
      (error: Error & { cause: { code: string } }) => error.cause.code === 'EFBIG' && /thousandfold/.test(error.message),
    )
  })

  for (const codec of ['bzip2', 'xz'] as const)
    it(`refuses a bomb of ${codec}`, async () => {
      const zeros = await packed(codec, Buffer.alloc(1 << 26))
      const header = await packed(codec, tarOf([{ path: 'bomb', claims: 3 * 2 ** 30 - 512 }], 0))
      await writeFile(folder.at('blob'), Buffer.concat([header, ...Array.from({ length: 48 }, () => zeros)]))
      await assert.rejects(
        index(codec),
        (error: Error & { cause: { code: string } }) => error.cause.code === 'EFBIG' && /thousandfold/.test(error.message),
      )
    }).timeout(120_000)

  it('refuses an xz that wants more memory than it may have', async () => {
    const bytes = await packed('xz', tar)
    bytes[12 + 4] = 31 // dictionary size of the first block: 192 MiB
    bytes.writeUInt32LE(crc32(bytes.subarray(12, 20)), 20)
    await writeFile(folder.at('blob'), bytes)
    await assert.rejects(
      index('xz'),
      (error: Error & { cause: { code: string } }) => error.cause.code === 'EFBIG' && /128 MiB/.test(error.message),
    )
  })

  it('reads the start of what is damaged later', async () => {
    for (const codec of ['bzip2', 'xz'] as const) {
      await writeFile(folder.at('blob'), (await packed(codec)).subarray(0, 1_000_000))
      const piece = await addon.read({ blob: source(codec), offset: 0, size: 512 })
      assert.ok(Buffer.from(piece).equals(tar.subarray(0, 512)), codec)
    }
  })

  it('reads back two GiB of zeros in gzip of its own', async () => {
    const member = await ours(new Uint8Array(1 << 20))
    const header = await ours(tarOf([{ path: 'zeros', claims: 2 ** 31 - 512 }], 0))
    await writeFile(folder.at('blob'), Buffer.concat([header, ...Array.from({ length: 2048 }, () => member)]))
    assert.equal((await index('gzip')).tarSize, 2 ** 31 + 512)
  })

  it('takes pieces of any size: one byte at a time gives the same bytes', async () => {
    const text = Buffer.alloc(20_000, 'abc ')
    for (const codec of ['gzip', 'zstd'] as const) {
      const packed: Uint8Array[] = []
      for await (const piece of addon.encoder(codec, bytewise(text))) packed.push(piece)
      const unpacked: Uint8Array[] = []
      for await (const piece of addon.decoder(codec, bytewise(Buffer.concat(packed)), 1 << 20)) unpacked.push(piece)
      assert.ok(Buffer.concat(unpacked).equals(text))
    }
    for (const codec of ['bzip2', 'xz'] as const) {
      const unpacked: Uint8Array[] = []
      for await (const piece of addon.decoder(codec, bytewise(await packed(codec, text)), 1 << 20)) unpacked.push(piece)
      assert.ok(Buffer.concat(unpacked).equals(text))
    }
  })

  it('stops a stream that expands past its cap', async () => {
    const packed = gzipSync(Buffer.alloc(1 << 22))
    const all = async () => {
      for await (const _ of addon.decoder(
        'gzip',
        (async function* () {
          yield packed
        })(),
        1 << 20,
      ));
    }
    await assert.rejects(all(), { message: /expands to more than 1048576 bytes \(EFBIG\)/ })
  })

  it('compresses nothing into something that is empty again', async () => {
    const packed: Uint8Array[] = []
    for await (const piece of addon.encoder('gzip', (async function* () {})())) packed.push(piece)
    assert.ok(Buffer.concat(packed).length >= 28)
    for await (const piece of addon.decoder(
      'gzip',
      (async function* () {
        yield* packed
      })(),
      10,
    ))
      assert.fail(`${piece.length} bytes`)
  })

  it('names the codec of each entry that it cannot inflate', async () => {
    await addon.pack(packRequest(folder.at('blob'), [entryOf({ path: 'a', size: 1, source: inline('x') })], { codec: 'gzip' }))
    await assert.rejects(index('zstd'), { message: /^invalid layer at .*blob: zstd: / })
  })
})

function patched(bytes: Buffer, offset: number, add: number): Buffer {
  const at = offset < 0 ? bytes.length + offset : offset
  bytes.writeUInt8((bytes.readUInt8(at) + add) & 255, at)
  return bytes
}

async function* bytewise(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i++) yield bytes.subarray(i, i + 1)
}

/** CRC-32 of ISO 3309, as xz has it. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}
