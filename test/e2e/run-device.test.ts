import assert from 'node:assert/strict'
import { join } from 'node:path'
import { output, type Workbench, withBench } from './workbench.ts'

const YAML = `cdiVersion: "0.6.0"
kind: example.com/thing
containerEdits:
  env: [ALL=of-every-device]
devices:
  - name: first
    containerEdits:
      env: [FIRST=yes]
      deviceNodes: [{path: /dev/always-full, hostPath: /dev/full}]
      mounts: [{hostPath: HOST, containerPath: /opt/driver, options: [ro, bind]}]
      hooks: [{hookName: createContainer, path: /usr/bin/never-run}]
  - name: second
    containerEdits:
      env: [SECOND=yes]
`

describe('RUN --device', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
    bench.write('driver/lib', 'of the driver\n')
    bench.write('cdi/thing.yaml', YAML.replace('HOST', join(bench.folder, 'driver')))
    bench.write(
      'cdi/other.json',
      JSON.stringify({
        kind: 'example.com/other',
        annotations: { 'org.mobyproject.buildkit.device.class': 'letters' },
        devices: [
          { name: 'x', containerEdits: { env: ['X=json'] } },
          { name: 'y', containerEdits: { env: ['Y=of-the-class'] } },
          { name: 'z', annotations: { 'org.mobyproject.buildkit.device.class': 'last' }, containerEdits: { env: ['Z=of-another'] } },
        ],
      }),
    )
  })

  const build = (step: string, allow = 'device') =>
    bench.build(`FROM base\n${step}\n`, allow === '' ? [] : ['--allow', allow], {
      env: { TSBUILD_CDI_DIRS: `${bench.folder}/none:${bench.folder}/cdi` },
    })
  async function says(step: string, allow?: string) {
    const ended = await build(step, allow)
    assert.equal(ended.status, 0, ended.stderr)
    return output(ended)
  }

  it('gives the nodes, mounts and variables of a specification, and says that hooks are not run', async () => {
    const run =
      'RUN --device=example.com/thing=first (echo x >/dev/always-full) 2>&1 | grep -o "No space left"; cat /opt/driver/lib; touch /opt/driver/x 2>/dev/null || echo refused; echo $ALL $FIRST$SECOND'
    const ended = await build(run)
    assert.equal(ended.status, 0, ended.stderr)
    assert.deepEqual(output(ended), ['No space left', 'of the driver', 'refused', 'of-every-device yes'])
    assert.match(ended.stderr, /its hooks \(\/usr\/bin\/never-run\) are programs of the host and are not run/)
  })
  it('takes the first of a kind, all of it, and specifications in JSON', async () => {
    assert.deepEqual(await says('RUN --device=example.com/thing echo a$FIRST$SECOND'), ['ayes'])
    assert.deepEqual(await says('RUN --device=name=example.com/thing=* echo b$FIRST$SECOND'), ['byesyes'])
    assert.deepEqual(await says('RUN --device=example.com/other=x echo $X'), ['json'])
  })
  it('takes all of a class, which the specification or the device names', async () => {
    assert.deepEqual(await says('RUN --device=letters,required echo $X $Y $Z'), ['json of-the-class'])
    assert.deepEqual(await says('RUN --device=name=last echo $X $Y $Z'), ['of-another'])
    assert.deepEqual(await says('RUN --device=none echo "[$X$Y$Z]"'), ['[]'])
  })
  it('is left out where there is none, unless it is required: that is told before anything runs', async () => {
    assert.deepEqual(await says('RUN --device=example.com/none=x echo ran'), ['ran'])
    const ended = await build('RUN touch /first\nRUN --device=example.com/none=x,required true')
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /3 \| >>> RUN --device[\s\S]*device example.com\/none=x: no specification of this machine has it/)
    assert.doesNotMatch(ended.stderr, /^#\d/m)
  })
  it('needs --allow', async () => {
    const ended = await build('RUN --device=example.com/thing=first true', '')
    assert.match(
      ended.stderr,
      /entitlement device is not allowed for example.com\/thing=first[\s\S]*--allow device=example.com\/thing=first/,
    )
    assert.deepEqual(await says('RUN --device=example.com/thing=second echo one', 'device=example.com/thing=second'), ['one'])
    assert.deepEqual(await says('RUN --device=example.com/thing=second echo kind', 'device=example.com/thing'), ['kind'])
    assert.notEqual((await build('RUN --device=example.com/thing=second echo other', 'device=example.com/other')).status, 0)
  })
  it('says which specification cannot be read', async () => {
    bench.write('cdi/broken.yaml', 'kind: [')
    const ended = await build('RUN --device=example.com/thing=first,required true')
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /broken\.yaml is no device specification/)
  })
})
