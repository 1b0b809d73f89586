import assert from 'node:assert/strict'
import { Cli } from '../../fixtures/cli.ts'
import { sha256, type TreeEntry } from '../../fixtures/image-tree.ts'
import { CASES, type Expected } from './cases.ts'
import { LANGUAGE_CASES } from './language-cases.ts'

describe('tsbuild build: what each instruction makes', () => {
  let cli: Cli
  before(async () => {
    cli = await Cli.withBusybox('instructions')
  })
  after(() => cli[Symbol.asyncDispose]())

  for (const one of [...CASES, ...LANGUAGE_CASES])
    it(one.name, async () => {
      const { dockerfile, files = {}, args = [] } = one
      const built = await cli.build({ dockerfile, files }, { args })
      const { tree, config } = built.image
      for (const [path, want] of Object.entries(one.tree ?? {})) assertEntry(path, tree.get(path), want)
      for (const [field, want] of Object.entries(one.config ?? {})) assert.deepEqual(config.config[field], want, field)
      for (const [field, want] of Object.entries(one.top ?? {})) assert.deepEqual(config[field as keyof typeof config], want, field)
      if (one.history !== undefined) assert.deepEqual(historyOf(config.history).slice(-one.history.length), one.history)
      if (one.output !== undefined) assert.deepEqual(outputLines(built.stderr), one.output)
      assert.equal(config.history.filter((entry) => entry.empty_layer !== true).length, config.rootfs.diff_ids.length)
    })
})

function assertEntry(path: string, entry: TreeEntry | undefined, want: Expected): void {
  if (want === null) return assert.equal(entry, undefined, `/${path} is there`)
  const { content, ...fields } = typeof want === 'string' ? { content: want } : want
  assert.ok(entry !== undefined, `/${path} is not there`)
  const expected = content === undefined ? fields : { ...fields, type: 'file', sha256: sha256(content) }
  const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, entry[key as keyof TreeEntry]]))
  assert.deepEqual(seen, expected, `/${path}`)
}

function historyOf(history: readonly { created_by?: string; empty_layer?: boolean }[]): string[] {
  return history.map((entry) => `${entry.created_by}${entry.empty_layer === true ? '' : '*'}`)
}

/** What commands printed, without the number and the time before it. */
function outputLines(progress: string): string[] {
  return [...progress.matchAll(/^#\d+ \d+\.\d{3} (.*)$/gm)].map(([, line]) => line ?? '')
}
