import assert from 'node:assert/strict'
import { type DockerRegistry, dockerRegistry, has } from '../registry/remote/docker-registry.ts'
import { complains } from './failing.ts'
import { type Workbench, withBench } from './workbench.ts'

describe('--pull', function () {
  this.timeout(60_000)
  let bench: Workbench
  let registry: DockerRegistry
  let base: string
  withBench((made) => {
    bench = made
  })
  before(async function () {
    if (!has('docker-registry')) return this.skip()
    registry = await dockerRegistry()
    base = `${registry.host}/moving:1`
    await publish('one')
    assert.equal(await labelWith(), 'one')
    await publish('two')
  })
  after(() => registry?.[Symbol.asyncDispose]())

  async function publish(label: string): Promise<void> {
    await bench.build(`FROM base\nLABEL is=${label}\n`, ['-t', 'next'])
    await bench.expect(['push', '-q', 'next', base])
  }

  /** The label of the base that a build starts from. */
  async function labelWith(...args: string[]): Promise<string> {
    const { status, stderr } = await bench.build(`FROM ${base}\nENV A=b\n`, ['-t', 'app', ...args])
    assert.equal(status, 0, stderr)
    return JSON.parse(await bench.expect(['inspect', 'app'])).config.config.Labels.is
  }

  it('missing keeps to what is here', async () => assert.equal(await labelWith('--pull=missing'), 'one'))
  it('never does, too', async () => assert.equal(await labelWith('--pull=never'), 'one'))
  it('newer takes what the registry has by now', async () => assert.equal(await labelWith('--pull=newer'), 'two'))
  it('always does, too', async () => {
    await publish('three')
    assert.equal(await labelWith('--pull'), 'three')
  })
  it('newer makes do with what is here when nobody answers, and says so; always does not', async () => {
    await registry[Symbol.asyncDispose]()
    const dockerfile = `FROM ${base}\nENV A=b\n`
    const newer = await bench.build(dockerfile, ['--pull=newer'])
    assert.equal(newer.status, 0, newer.stderr)
    assert.match(newer.stderr, /^WARNING: BaseNotAsked: FROM .*: as it is here, since its registry did not answer: cannot reach/m)
    complains(await bench.build(dockerfile, ['--pull']), { says: /cannot reach/ })
    complains(await bench.build(`FROM ${registry.host}/other\n`, ['--pull=newer']), { says: /cannot reach/ })
  })
})
