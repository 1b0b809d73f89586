import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { CONTROL } from './failing.ts'
import { provesSound } from './kill-support.ts'
import { leftovers } from './leftovers.ts'
import { type CommandOptions, type Ended, output, type Workbench, withBench } from './workbench.ts'

const SECRET = 'what-only-the-host-knows'
const TOKEN = 'token-of-the-registry'

describe('a Dockerfile or a context made by an attacker', function () {
  this.timeout(60_000)
  let bench: Workbench
  let host: string
  withBench((made) => {
    bench = made
    host = `${bench.folder}/host`
    bench.write('host/victim', 'untouched', 0o666)
    bench.write('host/secret', SECRET, 0o666)
    bench.write('context/data', 'from the context')
    const auth = Buffer.from(`me:${TOKEN}`).toString('base64')
    bench.write('home/.docker/config.json', JSON.stringify({ auths: { 'registry.invalid': { auth } } }), 0o600)
  })

  async function attack(steps: string, args: readonly string[] = [], options?: CommandOptions): Promise<Ended> {
    const ended = await bench.build(`FROM base\n${steps}\n`, ['--no-cache', ...args], options)
    assert.equal(readFileSync(`${host}/victim`, 'utf8'), 'untouched')
    assert.deepEqual(readdirSync(host).sort(), ['secret', 'victim'])
    for (const word of [SECRET, TOKEN, Buffer.from(TOKEN).toString('base64').slice(4, -4)])
      assert.ok(!ended.stderr.includes(word), ended.stderr)
    assert.ok(!CONTROL.test(ended.stderr), JSON.stringify(ended.stderr.slice(0, 2000)))
    assert.doesNotMatch(ended.stderr, /internal error/)
    assert.deepEqual(await leftovers(bench), [])
    return ended
  }
  const harmless = async (steps: string, args?: readonly string[], options?: CommandOptions) => {
    const ended = await attack(steps, args, options)
    assert.equal(ended.status, 0, ended.stderr)
    return ended
  }

  describe('in RUN', () => {
    it('finds no file of the host by any way that leads out', async () => {
      const paths = ['', '/proc/1/root', '/proc/self/root', '/proc/self/cwd/../../..', '/dev/fd/3/..', '/proc/1/cwd', '/sys/../..'].map(
        (way) => `${way}${host}`,
      )
      const tries = paths.map((path) => `cat ${path}/secret; echo PWNED > ${path}/victim`)
      await harmless(
        `RUN (${tries.join('; ')}; find / -name secret -exec cat {} +; for fd in /proc/[0-9]*/fd/*; do cat $fd/${host}/secret; done) 2>/dev/null; true`,
      )
    })

    it('sees neither the environment nor the credentials of tsbuild', async () => {
      const ended = await harmless(
        'RUN env; cat /proc/[0-9]*/environ | tr "\\0" "\\n"; cat /root/.docker/config.json ~/.docker/config.json; true',
        [],
        {
          env: { REGISTRY_TOKEN: TOKEN, DOCKER_AUTH_CONFIG: TOKEN, TSBUILD_PASSWORD: TOKEN },
        },
      )
      const names = new Set(output(ended).map((line) => line?.split('=')[0]))
      for (const name of ['TSBUILD_ROOT', 'TSBUILD_WORKBENCH', 'REGISTRY_TOKEN', 'DOCKER_AUTH_CONFIG']) assert.ok(!names.has(name), name)
    })

    it('has no descriptor but its own three, and sees no process but its own', async () => {
      const said = output(await harmless('RUN ls /proc/self/fd | sort | head -n 4 | tr "\\n" " "; echo; ls -d /proc/[0-9]* | wc -l'))
      assert.match(said[0] ?? '', /^0 1 2 3 $/) // 3 is that of ls itself
      assert.ok(Number(said[1]) <= 4, said.join('\n'))
    })

    it('can neither mount, nor make namespaces, nor change the kernel', async () => {
      const tries = [
        'mount -t tmpfs none /mnt',
        'mount -t proc none /home',
        'mount --bind / /home',
        'umount /proc/sys',
        'unshare -U true',
        'unshare -m true',
        'nsenter -t 1 -m true',
        'echo x > /proc/sys/kernel/core_pattern',
        'echo x > /proc/sys/kernel/hostname',
        'echo b > /proc/sysrq-trigger',
        'echo x > /sys/kernel/uevent_helper',
        'mkdir /sys/fs/cgroup/x',
        'sh -c "mknod /disk b 254 0 && dd if=/disk of=/copy bs=512 count=1"',
        'chroot /proc/1/root true && false',
        'cat /proc/kcore',
        'swapoff -a && false',
        'hostname pwned && false',
      ]
      const said = output(
        await harmless(
          `RUN ${tries.map((line) => `${line} >/dev/null 2>&1 && echo 'WORKED: ${line.replaceAll("'", '')}'; `).join('')} true`,
        ),
      )
      assert.deepEqual(
        said.filter((line) => line?.startsWith('WORKED')),
        [],
      )
    })

    it('reaches no abstract socket of the host', async () => {
      const server = createServer((socket) => socket.end(SECRET))
      const name = `tsbuild-test-${process.pid}`
      await new Promise<void>((resolve) => server.listen(`\0${name}`, resolve))
      const ended = await harmless(`RUN grep -c '@${name}' /proc/net/unix; nc local:@${name} </dev/null; true`)
      assert.equal(ended.status, 0)
      await new Promise((resolve) => server.close(resolve))
    })

    it('leaves no process, however many it started, and ends when its command does', async () => {
      await harmless(
        `RUN for i in $(seq 60); do setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 1; done' ${bench.folder} & done; (f() { [ $1 = 0 ] || { f $(($1 - 1)) & f $(($1 - 1)) & sleep 60; }; }; f 7 &); sleep 0.3`,
      )
    })

    it('kills nobody else', async () => {
      const bystander = bench.start(['registry', 'serve', '--listen', '127.0.0.1:0', '-q'])
      await bystander.printed(/127/)
      await bench.build('FROM base\nRUN kill -9 -1; for p in $(seq 2 400); do kill -9 $p; done 2>/dev/null; true\n', ['--no-cache'])
      assert.equal(bystander.child.exitCode, null)
      bystander.kill('SIGTERM')
      assert.equal((await bystander.ended).status, 0)
    })

    it('destroys only its own state', async () => {
      await attack('RUN rm -rf /* 2>/dev/null; echo > /victim; true')
      await harmless('RUN test -e /etc/passwd && test ! -e /victim')
      await provesSound(bench)
    })

    it('puts a link where the step folder was, and nothing outside goes with it', async () => {
      await harmless(`RUN rm -rf /home /var && ln -s ${host} /home && ln -s ${host}/victim /var; rm -rf /tmp/* /mnt; ln -s ${host} /mnt`)
      await harmless(
        `RUN rm -f /etc/hosts /etc/resolv.conf; ln -s ${host}/victim /etc/hosts; ln -s ${host}/victim /etc/resolv.conf; true\nRUN echo PWNED >> /etc/hosts; true`,
      )
    })

    it('floods in vain: lines without end, control characters, more than a terminal holds', async () => {
      const escapes = `printf 'a\\033[2Jb\\233c\\302\\2332J\\342\\200\\256rtl\\r\\007\\n'`
      const ended = await harmless(
        `RUN ${escapes}; ${escapes} >&2; head -c 2000000 /dev/zero; head -c 500000 /dev/urandom; yes | head -c 500000`,
      )
      assert.ok(ended.stderr.length < 20_000_000, `${ended.stderr.length}`)
    })

    it('says nothing harmful with its last words either', async () => {
      const ended = await attack(`RUN printf 'x\\033]0;title\\007\\302\\2332J\\n' >&2; exit 1`)
      assert.equal(ended.status, 1)
    })
  })

  describe('in other instructions', () => {
    for (const path of ['/proc/self/fd/7', '/proc/self/cwd', '/proc/1/root', '/proc/self/root/../../..', '/dev/fd/9/../..'])
      it(`WORKDIR ${path} leads nowhere outside`, () =>
        attack(
          `WORKDIR ${path}\nRUN pwd; cat .${host}/secret ../../../..${host}/secret; ls -la; echo PWNED > ../../..${host}/victim; true`,
        ))

    it('words for a terminal are printed as what they are', async () => {
      await attack('RUN echo \x1b[31m \x9b2J \u202e && true\nLABEL a="\x1b]0;x\x07"')
      await attack('COPY "no\x1b[2Jsuch" /')
      await attack('RUN \x1b[31mnosuch')
      await attack('FROM base\nNO\x1b[2JSUCH x')
    })

    it('huge and deep ones end in one line', async () => {
      assert.equal((await attack(`ENV A=${'x'.repeat(300_000)}\nRUN true`)).status, 1)
      const doubling = Array.from({ length: 40 }, (_, i) => `ENV A${i + 1}=$A${i}$A${i}`).join('\n')
      assert.equal((await attack(`ENV A0=xxxxxxxxxx\n${doubling}`)).status, 1)
    })
  })

  describe('in the context', () => {
    before(() => {
      symlinkSync(`${host}/secret`, `${bench.context}/absolute`)
      symlinkSync('../host/secret', `${bench.context}/relative`)
      symlinkSync(host, `${bench.context}/folder`)
      symlinkSync('loop', `${bench.context}/loop`)
      mkdirSync(`${bench.context}/odd`)
      execFileSync('mkfifo', [`${bench.context}/odd/fifo`])
      bench.write('context/odd/\x1b[2J\nname', 'odd')
    })

    for (const source of ['absolute', 'relative', 'folder/secret', 'folder/', 'absol*', 'fold*/secret', 'loop'])
      it(`COPY ${source} takes nothing from outside`, async () => {
        await attack(`COPY ${source} /got/\nRUN cat /got/* /got; true`)
        await attack(`ADD ${source} /got/\nRUN cat /got/* /got; true`)
      })

    it('a fifo is copied as one, and nobody waits for its other end', () => harmless('COPY odd/ /odd/\nRUN test -p /odd/fifo && ls /odd'))
    it('names for a terminal do not reach it', () => attack('COPY odd /odd\nCOPY odd/*name /x/y/z\nRUN ls /odd'))
    it('a .dockerignore that is a link out of it is not printed', async () => {
      symlinkSync(`${host}/secret`, `${bench.context}/.dockerignore`)
      await attack('COPY nosuch /')
    })
  })

  for (const type of ['tar', 'oci'])
    it(`-o type=${type} writes into a pipe or device and does not replace it`, async () => {
      const path = `${bench.folder}/pipe-${type}`
      execFileSync('mkfifo', [path])
      const reading = readFile(path)
      const ended = await bench.build('FROM base\n', ['-o', `type=${type},dest=${path}`])
      assert.equal(ended.status, 0, ended.stderr)
      assert.ok(lstatSync(path).isFIFO())
      assert.ok((await reading).includes('ustar'))
    })

  it('leaves a sound store', () => provesSound(bench))
})
