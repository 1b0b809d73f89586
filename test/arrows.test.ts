import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

/** A room may use rooms of a lower rank and itself. See docs/ARCHITECTURE.md. */
const RANKS: Readonly<Record<string, number>> = {
  'registry/oci': 0,
  native: 1,
  'registry/store': 2,
  snapshotter: 2,
  'registry/remote': 3,
  'registry/serve': 3,
  builder: 4,
  cli: 5,
}
/** Who may use what stands outside the ranks. */
const USERS_OF_FIXTURES = ['fixtures', 'test', 'bench', 'scripts']
const OUTSIDE = ['fixtures', 'test', 'bench', 'scripts']

/** Each package is imported by one file, so that it can be swapped there. */
const DOORS: Readonly<Record<string, string>> = {
  undici: 'registry/remote/http.ts',
  tar: 'registry/store/tar.ts',
  'dockerfile-ast': 'builder/dockerfile/symbols.ts',
  commander: 'cli/args.ts',
  '@noble/hashes': 'registry/oci/digest.ts',
}

interface Import {
  readonly from: string
  readonly to: string
}

/** What is wrong with an import, undefined when nothing is. `from` and relative targets are paths from the top of the project. */
function wrongArrow({ from, to }: Import): string | undefined {
  const [user, used] = [roomOf(from), roomOf(to)]
  if (used === undefined) return wrongDoor({ from, to })
  if (used === 'test') return user === 'test' ? undefined : `${from}: only test/ uses test/ (${to})`
  if (used === 'fixtures')
    return user !== undefined && USERS_OF_FIXTURES.includes(user) ? undefined : `${from}: only tests use fixtures/ (${to})`
  if (user === undefined) return `${from}: in no room`
  if (OUTSIDE.includes(user) || user === used) return undefined
  const [low, high] = [RANKS[used], RANKS[user]]
  if (low === undefined || high === undefined) return `${from}: uses ${to}, which no room may`
  return low < high ? undefined : `${from} (rank ${high}) uses ${to} (rank ${low})`
}

function wrongDoor({ from, to }: Import): string | undefined {
  const [scope = '', name] = to.split('/')
  const door = DOORS[scope.startsWith('@') ? `${scope}/${name}` : scope]
  if (door === undefined || door === from || roomOf(from) === 'test') return undefined
  return `${from}: uses ${to}, whose door is ${door}`
}

/** The room of a project file; undefined for a package. */
function roomOf(path: string): string | undefined {
  const [first = '', second] = path.split('/')
  const room = first === 'registry' ? `${first}/${second}` : first
  return path.endsWith('.ts') && (room in RANKS || OUTSIDE.includes(room)) ? room : undefined
}

/** Static and dynamic imports, and re-exports; a type counts as much as a value. */
function importsOf(from: string, text: string): Import[] {
  const pattern = /(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g
  return [...text.matchAll(pattern)].map(([, specifier = '']) => ({
    from,
    to: specifier.startsWith('.') ? normalize(join(dirname(from), specifier)) : specifier,
  }))
}

function sourceFiles(): string[] {
  const tops = ['builder', 'cli', 'native', 'registry', 'snapshotter', 'fixtures', 'bench', 'scripts', 'test']
  return tops.flatMap((top) =>
    readIfThere(top)
      .filter((file) => file.endsWith('.ts') && !file.includes('node_modules') && !file.startsWith('build/'))
      .map((file) => `${top}/${file}`),
  )
}
function readIfThere(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch {
    return [] // this room has no files yet
  }
}

describe('arrows', () => {
  it('lead from each file to its own room or a lower rank, and to packages through their doors', () => {
    const imports = sourceFiles().flatMap((file) => importsOf(file, readFileSync(file, 'utf8')))
    assert.ok(imports.length > 100, `only ${imports.length} imports found`)
    assert.deepEqual(
      imports.map(wrongArrow).filter((wrong) => wrong !== undefined),
      [],
    )
  })

  for (const [from, specifier, isWrong] of [
    ['registry/oci/a.ts', './b.ts', false],
    ['registry/oci/a.ts', '../store/b.ts', true],
    ['registry/store/a.ts', '../oci/b.ts', false],
    ['registry/store/a.ts', '../../snapshotter/b.ts', true],
    ['snapshotter/a.ts', '../registry/store/b.ts', true],
    ['registry/serve/a.ts', '../remote/b.ts', true],
    ['builder/steps/run.ts', '../../cli/main.ts', true],
    ['cli/wire.ts', '../builder/build.ts', false],
    ['cli/wire.ts', '../fixtures/images.ts', true],
    ['cli/wire.ts', '../test/a.ts', true],
    ['scripts/demo.ts', '../fixtures/images.ts', false],
    ['test/a.ts', '../fixtures/images.ts', false],
    ['builder/build.ts', 'undici', true],
    ['registry/remote/http.ts', 'undici', false],
    ['registry/store/archive.ts', 'tar', true],
    ['registry/store/archive.ts', '@noble/hashes/sha2.js', true],
    ['builder/build.ts', 'node:path', false],
  ] as const) {
    it(`${isWrong ? 'refuse' : 'allow'} ${from} -> ${specifier}`, () => {
      const [found] = importsOf(from, `import { x } from '${specifier}'`)
      assert.ok(found)
      assert.equal(wrongArrow(found) !== undefined, isWrong)
    })
  }

  for (const line of [
    "import '../cli/a.ts'",
    "export { x } from '../cli/a.ts'",
    "const x = await import('../cli/a.ts')",
    "import type { X } from '../cli/a.ts'",
  ]) {
    it(`see ${line}`, () => assert.deepEqual(importsOf('builder/b.ts', line), [{ from: 'builder/b.ts', to: 'cli/a.ts' }]))
  }
})
