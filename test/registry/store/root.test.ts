import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ErrorCode, hasCode } from '../../../registry/oci/error.ts'
import { prepareRoot, storeRoot } from '../../../registry/store/root.ts'

const uid = process.geteuid?.() ?? 0

describe('storeRoot', () => {
  for (const [env, user, want] of [
    [{ TSBUILD_ROOT: '/x', XDG_DATA_HOME: '/d', HOME: '/h' }, 1000, '/x'],
    [{ TSBUILD_ROOT: '/x' }, 0, '/x'],
    [{ TSBUILD_ROOT: '', XDG_DATA_HOME: '/d' }, 1000, '/d/tsbuild'],
    [{ XDG_DATA_HOME: 'relative', HOME: '/h' }, 1000, '/h/.local/share/tsbuild'],
    [{ HOME: '/h' }, 1000, '/h/.local/share/tsbuild'],
    [{ HOME: '/root', XDG_DATA_HOME: '/d' }, 0, '/var/lib/tsbuild'],
  ] as const) {
    it(`is ${want} for uid ${user} with ${JSON.stringify(env)}`, () => assert.equal(storeRoot(env, user), want))
  }
  it('names the variable to set when there is no home', () => {
    assert.throws(
      () => storeRoot({}, 1000),
      (error) => hasCode(error, 'STORE_WRITE') && /TSBUILD_ROOT/.test(String((error as { hint?: string }).hint)),
    )
  })
})

describe('prepareRoot', () => {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tsbuild-root-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const refuses = (root: string, code: ErrorCode, words: RegExp) =>
    assert.throws(
      () => prepareRoot(root, uid),
      (error) => hasCode(error, code) && words.test(`${(error as Error).message} ${(error as { hint?: string }).hint}`),
    )

  it('makes a store that only its owner can enter, parents and all', () => {
    const root = join(folder, 'a/b')
    prepareRoot(root, uid)
    for (const path of [root, `${root}/blobs`, `${root}/names`, `${root}/snapshots`]) assert.equal(statSync(path).mode & 0o777, 0o700, path)
    assert.ok(existsSync(`${root}/oci-layout`))
  })
  it('is content with a store that is there', () => {
    prepareRoot(join(folder, 's'), uid)
    const before = readdirSync(join(folder, 's'))
    prepareRoot(join(folder, 's'), uid)
    assert.deepEqual(readdirSync(join(folder, 's')), before)
  })
  it('finishes one whose making was interrupted', () => {
    const root = join(folder, 's')
    mkdirSync(`${root}/blobs`, { recursive: true, mode: 0o700 })
    writeFileSync(`${root}/format-7.new`, '')
    prepareRoot(root, uid)
    assert.ok(existsSync(`${root}/locks`))
  })
  for (const mode of [0o755, 0o710, 0o701, 0o770, 0o740]) {
    it(`refuses a folder of mode ${mode.toString(8)}`, () => {
      prepareRoot(join(folder, 's'), uid)
      chmodSync(join(folder, 's'), mode)
      refuses(join(folder, 's'), 'STORE_UNSAFE', /chmod 700/)
    })
  }
  it('refuses a folder with something else in it, and leaves it alone', () => {
    writeFileSync(join(folder, 'thesis.txt'), '')
    refuses(folder, 'STORE_FORMAT', /thesis\.txt.*TSBUILD_ROOT/)
    assert.deepEqual(readdirSync(folder), ['thesis.txt'])
  })
  it('refuses a store of another format', () => {
    prepareRoot(join(folder, 's'), uid)
    writeFileSync(join(folder, 's/format'), '2\n')
    refuses(join(folder, 's'), 'STORE_FORMAT', /"2"/)
  })
  it('refuses a store of somebody else', () => {
    prepareRoot(join(folder, 's'), uid)
    assert.throws(
      () => prepareRoot(join(folder, 's'), uid + 1),
      (error) => hasCode(error, 'STORE_UNSAFE'),
    )
  })
  it('refuses a file', () => {
    writeFileSync(join(folder, 'f'), '')
    refuses(join(folder, 'f'), 'STORE_WRITE', /TSBUILD_ROOT/)
    refuses(join(folder, 'f/below'), 'STORE_WRITE', /TSBUILD_ROOT/)
  })
  it('refuses where it cannot write', () => refuses('/proc/tsbuild', 'STORE_WRITE', /\/proc\/tsbuild.*TSBUILD_ROOT/))
  it('refuses a link that leads nowhere', () => {
    symlinkSync(join(folder, 'none/none'), join(folder, 'l'))
    refuses(join(folder, 'l'), 'STORE_WRITE', /TSBUILD_ROOT/)
  })
})
