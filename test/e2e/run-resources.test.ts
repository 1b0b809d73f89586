import assert from 'node:assert/strict'
import { output, type Workbench, withBench } from './workbench.ts'

describe('what RUN has to itself', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
  })

  async function says(step: string, args: readonly string[] = []): Promise<(string | undefined)[]> {
    const ended = await bench.build(`FROM base\n${step}\n`, args)
    assert.equal(ended.status, 0, ended.stderr)
    return output(ended)
  }
  const shm = 'RUN df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2'

  it('is a /dev/shm of 64 MiB, or of --shm-size', async () => {
    assert.deepEqual(await says(shm), ['65536'])
    assert.deepEqual(await says(shm, ['--shm-size', '3m', '--no-cache']), ['3072'])
  })
  it('are limits of --ulimit, which are part of the key', async () => {
    const step = 'RUN ulimit -Sn; ulimit -Hn; ulimit -c'
    assert.deepEqual(await says(step, ['--ulimit', 'nofile=100:200', '--ulimit', 'core=0']), ['100', '200', '0'])
    assert.deepEqual(await says(step, ['--ulimit', 'nofile=101:200', '--ulimit', 'core=0']), ['101', '200', '0'])
    assert.deepEqual(await says(step, ['--ulimit', 'nofile=101:200', '--ulimit', 'core=0']), [])
  })
  it('is no higher hard limit than the kernel gives', async function () {
    const ended = await bench.build('FROM base\nRUN true\n', ['--ulimit', 'nofile=1:4611686018427387904'])
    if (ended.status === 0) return void this.skip()
    assert.match(ended.stderr, /--ulimit nofile=|is no limit/)
  })
  it('are the lines of --add-host, which are not', async () => {
    const step = 'RUN grep -w db /etc/hosts; grep host-itself /etc/hosts'
    const hosts = ['--add-host', 'db:10.0.0.1', '--add-host', 'db=[fe80::1]', '--add-host', 'host-itself:host-gateway']
    assert.deepEqual(await says(step, hosts), ['10.0.0.1\tdb', 'fe80::1\tdb', '127.0.0.1\thost-itself'])
    assert.deepEqual(await says(step, ['--add-host', 'db:10.0.0.2']), [])
  })
  it('is no network but the loopback with --network=none, of the step or of the build', async () => {
    const interfaces = (from: string) => `RUN --network=${from} grep : /proc/net/dev | cut -d : -f 1 | tr -d ' '; : ${from}`
    assert.deepEqual(await says(interfaces('none')), ['lo'])
    assert.deepEqual(await says(interfaces('default'), ['--network', 'none']), ['lo'])
    const [ours, theirs] = [await says('RUN readlink /proc/self/ns/net'), await says('RUN --network=none readlink /proc/self/ns/net')]
    assert.notDeepEqual(ours, theirs)
    assert.deepEqual(await says('RUN --network=host readlink /proc/self/ns/net; : host', ['--network', 'none']), ours)
  })
  it('is the host name of BUILDKIT_SANDBOX_HOSTNAME', async () => {
    assert.deepEqual(await says('RUN hostname'), ['buildkitsandbox'])
    assert.deepEqual(await says('RUN hostname; grep -c mine /etc/hosts', ['--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=mine']), ['mine', '1'])
  })
})
