import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from './package-root.ts'

/** The rooms and their ranks; a file belongs to the longest room that its path begins with. */
const RANKS: Record<string, number> = {
  'registry/oci': 0,
  native: 1,
  'registry/store': 2,
  snapshotter: 2,
  'registry/remote': 3,
  'registry/serve': 3,
  builder: 4,
  cli: 5,
}
/** These stand outside the program: they may use any room, and no room may use them. */
const OUTSIDE = ['fixtures', 'test', 'bench', 'scripts']
/** Packages that must be easy to replace: one file of the program imports each. valibot is the language of every reader, so it has many. */
const ONE_DOOR = ['undici', 'tar', 'dockerfile-ast', '@noble/hashes', 'commander']

interface Import {
  readonly file: string
  readonly line: number
  readonly target: string
}

const root = packageRoot()

function sourcesBelow(folder: string): string[] {
  const entries = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
  return entries.filter((name) => name.endsWith('.ts')).map((name) => path.posix.join(folder, name))
}

function importsOf(file: string, text = readFileSync(path.join(root, file), 'utf8')): Import[] {
  const lines = text.split('\n')
  const pattern = /(?:\bfrom|\bimport\(|^\s*import)\s*'([^']+)'/
  return lines.flatMap((content, index) => {
    const target = pattern.exec(content)?.[1]
    return target === undefined ? [] : [{ file, line: index + 1, target }]
  })
}

function roomOf(file: string): string | undefined {
  const rooms = [...Object.keys(RANKS), ...OUTSIDE].filter((room) => file.startsWith(`${room}/`))
  return rooms.sort((a, b) => b.length - a.length)[0]
}

/** What is wrong with an import, or undefined. */
function wrongArrow({ file, line, target }: Import): string | undefined {
  if (!target.startsWith('.')) return undefined
  const to = path.posix.join(path.posix.dirname(file), target)
  const [from, into] = [roomOf(file), roomOf(to)]
  if (from === undefined || into === undefined) return `${file}:${line}: ${from === undefined ? file : to} is in no room`
  if (from === into || OUTSIDE.includes(from)) return undefined
  const [rank, other] = [RANKS[from], RANKS[into]]
  if (rank !== undefined && other !== undefined && other < rank) return undefined
  return `${file}:${line}: ${from} (rank ${rank}) must not know ${into} (rank ${other ?? 'none, outside the program'})`
}

const packageOf = (target: string) => /^(@[^/]+\/[^/]+|[^/]+)/.exec(target)?.[0] ?? target

describe('the rooms', () => {
  const program = Object.keys(RANKS).map((room) => room.split('/')[0] ?? room)
  const files = [...new Set(program)].filter((room) => existsSync(path.join(root, room))).flatMap(sourcesBelow)
  const imports = files.flatMap((file) => importsOf(file))

  it('are found, with their imports', () =>
    assert.ok(files.length > 10 && imports.length > 10, `${files.length} files, ${imports.length} imports`))

  it('know only rooms of a lower rank', () => assert.deepEqual(imports.map(wrongArrow).filter(Boolean), []))

  it('reach each replaceable package through one file', () => {
    for (const name of ONE_DOOR) {
      const doors = new Set(imports.filter(({ target }) => packageOf(target) === name).map(({ file }) => file))
      assert.ok(doors.size <= 1, `${name} is imported by ${[...doors].join(', ')}`)
    }
  })

  it('do no input or output in registry/oci', () => {
    const io = imports.filter(
      ({ file, target }) => file.startsWith('registry/oci/') && /^node:(fs|http|https|net|tls|child_process|dns)/.test(target),
    )
    assert.deepEqual(io, [])
  })

  it('leave ending the process to cli/main.ts', () => {
    const ending = files.filter((file) => file !== 'cli/main.ts' && /process\.exit\(/.test(readFileSync(path.join(root, file), 'utf8')))
    assert.deepEqual(ending, [])
  })
})

describe('wrongArrow', () => {
  const cases = [
    ['builder/build.ts', '../registry/oci/error.ts', undefined],
    ['builder/plan/graph.ts', '../../native/ops.ts', undefined],
    ['test/native/a.test.ts', '../../cli/main.ts', undefined],
    ['registry/store/a.ts', '../../snapshotter/snapshotter.ts', 'registry/store (rank 2) must not know snapshotter (rank 2)'],
    ['registry/oci/a.ts', '../store/blobs.ts', 'registry/oci (rank 0) must not know registry/store (rank 2)'],
    ['cli/main.ts', '../fixtures/images.ts', 'cli (rank 5) must not know fixtures (rank none, outside the program)'],
    ['cli/main.ts', '../docs/a.ts', 'docs/a.ts is in no room'],
  ] as const
  for (const [file, target, want] of cases)
    it(`${file} imports ${target}: ${want ?? 'right'}`, () =>
      assert.equal(wrongArrow({ file, line: 1, target }), want === undefined ? undefined : `${file}:1: ${want}`))

  it('sees every form of import', () => {
    const text =
      "import a from './a.ts'\nimport type { B } from './b.ts'\nconst c = await import('./c.ts')\nimport './d.ts'\nexport { e } from './e.ts'\n"
    assert.deepEqual(
      importsOf('x.ts', text).map(({ target }) => target),
      ['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts'],
    )
  })
})
