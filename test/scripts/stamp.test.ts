import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packageRoot } from '../package-root.ts'

const script = path.join(packageRoot(), 'scripts/stamp.sh')
const hasGit = spawnSync('git', ['--version']).status === 0

describe('hash_of', () => {
  let folder = ''
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    writeFileSync(path.join(folder, name), text)
  }
  const run = (command: string, options: object = {}) =>
    execFileSync('bash', ['-euo', 'pipefail', '-c', command], { cwd: folder, encoding: 'utf8', ...options })
  const hash = (args = 'a b') => run(`source '${script}'; hash_of ${args}`).trim()

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'stamp-'))
    write('a/one.ts', '1')
    write('a/name with space.ts', '2')
    write('b', '3')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const changes: [string, (() => void) | undefined, 'same' | 'other'][] = [
    ['nothing changes', undefined, 'same'],
    ['a file outside changes', () => write('c', 'x'), 'same'],
    ['a file changes', () => write('a/name with space.ts', 'x'), 'other'],
    ['a file comes', () => write('a/new.ts', ''), 'other'],
    ['a file goes', () => rmSync(path.join(folder, 'a/one.ts')), 'other'],
    ['a file moves', () => run('mv a/one.ts a/two.ts'), 'other'],
  ]
  for (const git of [true, false])
    for (const [name, change, want] of changes)
      it(`is the ${want} when ${name}, ${git ? 'in a git checkout' : 'without git'}`, function () {
        if (git && !hasGit) this.skip()
        if (git) run('git init -q && git add .')
        const before = hash()
        change?.()
        assert.equal(hash() === before ? 'same' : 'other', want)
      })

  it('is the same with git and without', function () {
    if (!hasGit) this.skip()
    const without = hash()
    run('git init -q && git add .')
    assert.equal(hash(), without)
  })

  it('does not count what git ignores', function () {
    if (!hasGit) this.skip()
    run('git init -q && echo "*.log" >.gitignore && git add .')
    const before = hash()
    write('a/x.log', 'noise')
    assert.equal(hash(), before)
  })

  it('counts the words after --', () => assert.notEqual(hash('a -- x86_64'), hash('a -- aarch64')))
})
