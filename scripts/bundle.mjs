// Bundles dist/cli/main.js into dist/bundle/tsbuild.cjs and the files it requires when they are first needed.
//
// A CommonJS program starts 3-6 ms faster than an ES module, but esbuild splits only ES modules. So: bundle and split as ES modules,
// then rewrite each file on its own as CommonJS. Every `await import('...')` in the sources becomes a file that is read when it is reached.
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { build, transform } from 'esbuild'

const dist = path.resolve(process.argv[2] ?? 'dist')
const entry = path.join(dist, 'cli/main.js')
const out = path.join(dist, 'bundle')
const target = 'node20.19'

// What an ES module has by itself and a CommonJS file must be told.
const esmOnly = {
  'import.meta.url': '__fileUrl',
  'import.meta.filename': '__filename',
  'import.meta.dirname': '__dirname',
}
const fileUrl = 'const __fileUrl = require("node:url").pathToFileURL(__filename).href;\n'

// The cache of compiled code (Node 22 and later) lies in the home of whoever runs this, and only if it is his own: what is read from it is
// run. Node's default is /tmp, and a root with somebody else's HOME would run what that one put there.
const start = `#!/usr/bin/env node
'use strict'
const { enableCompileCache } = require('node:module')
function isOwn(folder) {
  const stat = require('node:fs').statSync(folder, { throwIfNoEntry: false })
  return stat !== undefined && stat.uid === process.getuid()
}
const { HOME } = process.env
if (enableCompileCache && HOME && isOwn(HOME)) enableCompileCache(require('node:path').join(HOME, '.cache/tsbuild/compiled'))
require('./main.cjs')
`

async function split() {
  const result = await build({
    entryPoints: [entry],
    outdir: out,
    bundle: true,
    splitting: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target,
    outExtension: { '.js': '.cjs' },
    chunkNames: '[name]-[hash]',
    define: esmOnly,
    legalComments: 'none',
    logLevel: 'warning',
  })
  return result.outputFiles
}

async function toCommonJs(code) {
  // Without dynamic import the rewritten file says require(), which is synchronous and needs no ES module loader.
  const { code: rewritten } = await transform(code, { format: 'cjs', platform: 'node', target, supported: { 'dynamic-import': false } })
  // A package that is CommonJS itself comes out with a default export alone; Node would give its names too.
  const whole = /^export default (require_\w+\(\));$/m.exec(code)
  return (rewritten.includes('__fileUrl') ? fileUrl : '') + rewritten + (whole ? `module.exports = ${whole[1]};\n` : '')
}

async function main() {
  rmSync(out, { recursive: true, force: true })
  if (!existsSync(entry)) {
    console.error(`bundle: there is no ${path.relative('.', entry)} to bundle`)
    return
  }
  mkdirSync(out, { recursive: true })
  writeFileSync(path.join(out, 'package.json'), '{ "type": "commonjs" }\n')
  for (const file of await split()) writeFileSync(file.path, await toCommonJs(file.text))
  writeFileSync(path.join(out, 'tsbuild.cjs'), start)
  chmodSync(path.join(out, 'tsbuild.cjs'), 0o755)
}

await main()
