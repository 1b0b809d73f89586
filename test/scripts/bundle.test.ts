import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Script } from 'node:vm'
import { packageRoot } from '../package-root.ts'

const PROGRAM = {
  'error.js': 'export class Oops extends Error {}',
  'main.js': `
    import { Oops } from './error.js'
    async function main() {
      if (process.argv[2] !== 'push') return 'nothing to push \\u00fc'
      try { await (await import('./push.js')).push() } catch (error) { return [error instanceof Oops, error.message, import.meta.url] }
    }
    main().then((result) => console.log(JSON.stringify(result)))`,
  'push.js': `
    import { Oops } from './error.js'
    export async function push() {
      const { request, default: all } = await import('undici')
      const { Parser } = await import('tar')
      throw new Oops([typeof request, typeof all.request, typeof Parser].join())
    }`,
}

describe('bundle.mjs', () => {
  let folder = ''
  const bundled = (name: string) => path.join(folder, 'dist/bundle', name)
  const run = (...args: string[]) =>
    JSON.parse(execFileSync(bundled('tsbuild.cjs'), args, { encoding: 'utf8', env: { PATH: process.env.PATH } }))

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'bundle-'))
    mkdirSync(path.join(folder, 'dist/cli'), { recursive: true })
    cpSync(path.join(packageRoot(), 'scripts'), path.join(folder, 'scripts'), { recursive: true })
    symlinkSync(path.join(packageRoot(), 'node_modules'), path.join(folder, 'node_modules'))
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }')
    for (const [name, text] of Object.entries(PROGRAM)) writeFileSync(path.join(folder, 'dist/cli', name), text)
    execFileSync(process.execPath, [path.join(folder, 'scripts/bundle.mjs'), path.join(folder, 'dist')])
  })
  after(() => rmSync(folder, { recursive: true }))

  it('makes a program that can be run', () => {
    assert.equal(statSync(bundled('tsbuild.cjs')).mode & 0o111, 0o111)
    assert.equal(run(), 'nothing to push ü')
  })

  it('keeps compiled code that this Node takes', () => {
    const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(bundled('main.cjs'), 'latin1')}\n})`
    assert.equal(new Script(source, { cachedData: readFileSync(bundled('main.cjs.code')) }).cachedDataRejected, false)
  })

  it('runs without compiled code, and with such that is not taken', () => {
    for (const code of ['', 'not code'.repeat(100)]) {
      writeFileSync(bundled('main.cjs.code'), code)
      assert.equal(run(), 'nothing to push ü')
    }
    rmSync(bundled('main.cjs.code'))
    assert.equal(run(), 'nothing to push ü')
  })

  it('keeps a class one class, gives a CommonJS package its names, and import.meta.url its file', () => {
    const [sameClass, types, url] = run('push')
    assert.deepEqual([sameClass, types], [true, 'function,function,function'])
    assert.equal(url, `file://${bundled('main.cjs')}`)
  })

  it('reads no heavy package that a run does not reach', () => {
    for (const name of ['undici', 'tar', 'dockerfile-ast']) {
      assert.ok(existsSync(bundled(`${name}.cjs`)))
      rmSync(bundled(`${name}.cjs`))
    }
    assert.equal(run(), 'nothing to push ü')
  })
})
