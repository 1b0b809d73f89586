import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from './package-root.ts'

const ROOMS = ['registry', 'native', 'snapshotter', 'builder', 'cli']
const root = packageRoot()

interface Source {
  readonly file: string
  readonly text: string
}

function sources(): Source[] {
  return ROOMS.filter((room) => existsSync(path.join(root, room))).flatMap((room) =>
    readdirSync(path.join(root, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => ({ file: `${room}/${name}`, text: readFileSync(path.join(root, room, name), 'utf8') })),
  )
}

/** Rules that the arrows between rooms do not show. Each names the files that break it. */
const RULES: [string, (source: Source) => boolean][] = [
  [
    'registry/oci reads and writes nothing',
    ({ file, text }) => file.startsWith('registry/oci/') && /'node:(fs|http|https|net|tls|dns|child_process)/.test(text),
  ],
  ['only cli/main.ts ends the process', ({ file, text }) => file !== 'cli/main.ts' && /\bprocess\.exit\(/.test(text)],
  ['only cli/ reads the environment', ({ file, text }) => !file.startsWith('cli/') && /^[^*/]*\bprocess\.env\b/m.test(text)],
]

describe('the rules of the house', () => {
  const all = sources()
  it('are checked on every room that is there', () => assert.ok(all.length > 10))
  for (const [rule, breaks] of RULES)
    it(rule, () =>
      assert.deepEqual(
        all.filter(breaks).map(({ file }) => file),
        [],
      ),
    )
})
