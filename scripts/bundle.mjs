// Bundles DIST/cli/main.js (default: dist) into DIST/bundle: one CommonJS file, a file each for heavy packages that most commands never need, and the
// code that V8 compiles for them. CommonJS, because Node starts it 3-6 ms sooner than an ES module.
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'

/** Too big to be read by a command that does not use them. Whoever imports one is itself reached by `await import('...')`. */
const HEAVY = ['undici', 'tar', 'dockerfile-ast', 'yaml']

const scripts = import.meta.dirname
const dist = path.resolve(process.argv[2] ?? 'dist')
const entry = path.join(dist, 'cli/main.js')
const out = path.join(dist, 'bundle')

/** What an ES module has by itself and a CommonJS file must be told. */
const esmOnly = { 'import.meta.url': '__fileUrl', 'import.meta.filename': '__filename', 'import.meta.dirname': '__dirname' }
const fileUrl = 'const __fileUrl = require("node:url").pathToFileURL(__filename).href;'

const options = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  supported: { 'dynamic-import': false }, // becomes require(), which needs no ES module loader
  charset: 'ascii', // see start.cjs
  legalComments: 'none',
  logLevel: 'warning',
}

const heavyApart = {
  name: 'heavy-apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^[^.]/ }, ({ path: name }) => (HEAVY.includes(name) ? { path: `./${name}.cjs`, external: true } : undefined)),
}

/** Parts of Node that take milliseconds to load and that most commands never call: commander, for one, loads this for subcommands that are programs. */
const LATE = ['node:child_process']

/** Gives them as objects whose properties load them. */
const loadedLate = {
  name: 'loaded-late',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:/ }, ({ path: name, namespace }) =>
      LATE.includes(name) && namespace !== 'late' ? { path: name, namespace: 'late' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'late' }, async ({ path: name }) => {
      const getters = Object.keys(await import(name)).map((key) => `get ${key}() { return require('${name}').${key} }`)
      return { contents: `module.exports = { ${getters.join(', ')} }` }
    })
  },
}

async function bundle() {
  await build({
    ...options,
    entryPoints: [entry],
    outfile: path.join(out, 'main.cjs'),
    define: esmOnly,
    banner: { js: fileUrl },
    plugins: [heavyApart, loadedLate],
  })
  for (const name of HEAVY) {
    await build({
      ...options,
      stdin: { contents: `module.exports = require('${name}')`, resolveDir: scripts },
      outfile: path.join(out, `${name}.cjs`),
    })
  }
  copyFileSync(path.join(scripts, 'start.cjs'), path.join(out, 'tsbuild.cjs'))
  chmodSync(path.join(out, 'tsbuild.cjs'), 0o755)
}

/** Runs what users run, in a folder of its own, so that the code compiled for it can be kept. It is a gain if it works and no loss if not. */
function keepCode() {
  const folder = mkdtempSync(path.join(tmpdir(), 'tsbuild-bundle-'))
  const context = path.join(folder, 'context')
  mkdirSync(context)
  writeFileSync(path.join(context, 'Dockerfile'), 'FROM scratch\nCOPY . /\n')
  const env = { PATH: process.env.PATH, HOME: folder, TSBUILD_ROOT: path.join(folder, 'store') }
  const build = ['build', '-t', 'warm', context]
  for (const command of [['version'], ['build', '--help'], build, build, ['images'], ['pull', '127.0.0.1:1/none']]) {
    try {
      const args = ['--require', path.join(scripts, 'keep-code.cjs'), path.join(out, 'tsbuild.cjs'), ...command]
      execFileSync(process.execPath, args, { env, stdio: 'ignore', timeout: 10_000 })
    } catch {} // the code was kept at its exit
  }
  rmSync(folder, { recursive: true, force: true })
}

if (existsSync(entry)) {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out, { recursive: true })
  writeFileSync(path.join(out, 'package.json'), '{ "type": "commonjs" }\n')
  await bundle()
  keepCode()
} else {
  console.error(`bundle: there is no ${path.relative('.', entry)} to bundle`)
}
