import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packageRoot } from '../package-root.ts'

const PROGRAM = {
  'error.js': 'export class Oops extends Error {}',
  'main.js': `
    import { Oops } from './error.js'
    const loaded = () => [...new Set(Object.keys(require.cache).map((file) => file.replace(/.*\\/|-[A-Z0-9]+(?=\\.cjs)/g, '')))].sort()
    async function main() {
      if (process.argv[2] === 'loaded') return loaded()
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
  const run = (...args: string[]) =>
    JSON.parse(execFileSync(path.join(folder, 'dist/bundle/tsbuild.cjs'), args, { encoding: 'utf8', env: { PATH: process.env.PATH } }))

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'bundle-'))
    mkdirSync(path.join(folder, 'dist/cli'), { recursive: true })
    symlinkSync(path.join(packageRoot(), 'node_modules'), path.join(folder, 'node_modules'))
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }')
    cpSync(path.join(packageRoot(), 'scripts/bundle.mjs'), path.join(folder, 'bundle.mjs'))
    for (const [name, text] of Object.entries(PROGRAM)) writeFileSync(path.join(folder, 'dist/cli', name), text)
    execFileSync(process.execPath, [path.join(folder, 'bundle.mjs'), path.join(folder, 'dist')])
  })
  after(() => rmSync(folder, { recursive: true }))

  it('makes a program that can be run', () => assert.equal(statSync(path.join(folder, 'dist/bundle/tsbuild.cjs')).mode & 0o111, 0o111))

  it('loads nothing that a run does not reach', () => assert.deepEqual(run('loaded'), ['chunk.cjs', 'main.cjs', 'tsbuild.cjs']))

  it('keeps a class one class in all files, gives a CommonJS package its names, and import.meta.url its file', () => {
    const [sameClass, types, url] = run()
    assert.deepEqual([sameClass, types], [true, 'function,function,function'])
    assert.equal(url, `file://${folder}/dist/bundle/main.cjs`)
  })

  it('has no file that needs the ES module loader', () => {
    const files = readdirSync(path.join(folder, 'dist/bundle'))
    assert.ok(files.length > 4)
    assert.deepEqual(
      files.filter((name) => !name.endsWith('.cjs')),
      ['package.json'],
    )
  })
})
