import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { provesSound } from './kill-support.ts'
import { familyOf, leftovers } from './leftovers.ts'
import { type CommandOptions, type Ended, output, type Workbench, withBench } from './workbench.ts'

const SECRET = 'a-secret-of-the-caller'

describe('RUN --mount', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
    bench.write('context/dir/file', 'from the context\n')
    bench.write('context/dir/script', '#!/bin/sh\necho ran\n', 0o755)
    bench.write('context/ignored', 'not to be seen\n')
    bench.write('context/.dockerignore', 'ignored\n')
    bench.write('secret', `${SECRET}\n`)
  })

  async function builds(steps: string, args: readonly string[] = [], options?: CommandOptions): Promise<Ended> {
    const ended = await bench.build(steps.startsWith('FROM') ? steps : `FROM base\n${steps}\n`, args, options)
    assert.equal(ended.status, 0, ended.stderr)
    return ended
  }
  /** What the last step printed. */
  const says = async (steps: string, args?: readonly string[], options?: CommandOptions) => output(await builds(steps, args, options))
  async function fails(steps: string, message: RegExp, args: readonly string[] = [], options?: CommandOptions): Promise<void> {
    const ended = await bench.build(steps.startsWith('FROM') ? steps : `FROM base\n${steps}\n`, args, options)
    assert.equal(ended.status, 1, ended.stderr)
    assert.match(ended.stderr, message)
  }
  /** Names in the image of these steps, outside of what busybox brings. */
  async function tree(steps: string, args: readonly string[] = []): Promise<string[]> {
    const folder = join(bench.folder, `tree-${Math.random()}`)
    await builds(steps, ['-o', folder, ...args])
    const { stdout } = spawnSync('find', ['.', '-not', '-path', './bin/*', '-not', '-name', '.'], { cwd: folder, encoding: 'utf8' })
    return stdout.split('\n').filter(Boolean).sort()
  }

  describe('of type bind', () => {
    it('shows a folder of the context, without what is ignored', async () => {
      assert.deepEqual(await says('RUN --mount=target=/src ls -A /src && cat /src/dir/file && /src/dir/script'), [
        '.dockerignore',
        'dir',
        'from the context',
        'ran',
      ])
    })
    it('shows one file of it at a path of its own', async () => {
      assert.deepEqual(await says('RUN --mount=source=dir/file,target=/a/b/c cat /a/b/c'), ['from the context'])
    })
    it('is at the working directory when the target is relative or missing', async () => {
      assert.deepEqual(await says('WORKDIR /w\nRUN --mount=target=. --mount=source=dir,target=sub ls; ls sub'), [
        'dir',
        'sub',
        'file',
        'script',
      ])
    })
    it('cannot be written, unless rw, and then is as before for the next step', async () => {
      assert.deepEqual(
        await says(
          'RUN --mount=target=/src (echo x >/src/new) 2>/dev/null || echo refused\n' +
            'RUN --mount=target=/src,rw echo x >/src/new && echo y >>/src/dir/file && cat /src/new\n' +
            'RUN --mount=target=/src ls -A /src && cat /src/dir/file',
        ),
        ['refused', 'x', '.dockerignore', 'dir', 'from the context'],
      )
      assert.equal(readFileSync(join(bench.context, 'dir/file'), 'utf8'), 'from the context\n')
    })
    it('shows a stage by its name in any case, and an image', async () => {
      const said = await says(
        'FROM base AS Other\nRUN mkdir /out && echo made >/out/f\nFROM base\n' +
          'RUN --mount=from=OTHER,source=/out,target=/o cat /o/f && ls /o\nRUN --mount=from=base,source=bin,target=/b test -e /b/busybox && echo there',
      )
      assert.deepEqual(said, ['made', 'f', 'there'])
    })
    it('takes variables in its values, but not in from', async () => {
      assert.deepEqual(await says('ARG name=dir\nRUN --mount=source=$name/file,target=/$name-x cat /dir-x'), ['from the context'])
      await fails('ARG s=base\nRUN --mount=from=$s,target=/x true', /from takes no variables/)
    })
    it('means the image of that name by a number', () =>
      fails('FROM base\nRUN true\nFROM base\nRUN --mount=from=0,target=/x true', /library\/0|0:latest|\b0\b/, ['--pull=never']))
    it('is a part of the key by its content', async () => {
      const steps = 'RUN --mount=source=dir,target=/x cat /x/file'
      bench.write('context/dir/file', 'first\n')
      await builds(steps)
      assert.match((await builds(steps)).stderr, /RUN --mount.*\n#\d+ CACHED/)
      bench.write('context/unrelated', 'x')
      assert.match((await builds(steps)).stderr, /RUN --mount.*\n#\d+ CACHED/)
      bench.write('context/dir/file', 'second\n')
      assert.deepEqual(await says(steps), ['second'])
      bench.write('context/dir/file', 'from the context\n')
    })
    it('says what is missing', async () => {
      await fails('RUN --mount=source=nothing,target=/x true', /"nothing" is not in the build context/)
      await fails('FROM base AS a\nFROM base\nRUN --mount=from=a,source=nothing,target=/x true', /"nothing" is not in the mounted tree/)
      await fails('RUN --mount=target=/ true', /invalid mount target "\/"/)
    })
  })

  it('leaves no mount point in the image', async () => {
    const mounts = [
      '--mount=target=/a/b',
      '--mount=source=dir/file,target=/c/d/e',
      '--mount=type=cache,target=/f/g',
      '--mount=type=tmpfs,target=/h',
      '--mount=type=secret,id=s',
      '--mount=type=secret,id=s,target=/etc/deep/secret',
    ]
    const args = ['--secret', `id=s,src=${bench.folder}/secret`]
    assert.deepEqual(await tree(`RUN ${mounts.join(' ')} cat /c/d/e && touch /made`, args), await tree('RUN touch /made'))
  })

  describe('of type cache', () => {
    it('keeps what is written for the next step and the next build', async () => {
      const steps = (n: number) => `RUN --mount=type=cache,target=/c echo ${n} >>/c/list && cat /c/list`
      assert.deepEqual(await says(`${steps(1)}\n${steps(2)}`), ['1', '1', '2'])
      assert.deepEqual(await says(steps(3)), ['1', '2', '3'])
    })
    it('is told from others by id, owner and mode, not by target', async () => {
      const steps =
        'RUN --mount=type=cache,id=one,target=/c touch /c/x\nRUN --mount=type=cache,id=one,target=/d ls /d\n' +
        'RUN --mount=type=cache,id=one,uid=5,gid=6,mode=0711,target=/d ls -A /d && stat -c "%u %g %a" /d'
      assert.deepEqual(await says(steps), ['x', '5 6 711'])
    })
    it('is told from others by BUILDKIT_CACHE_MOUNT_NS', async () => {
      const steps = 'RUN --mount=type=cache,id=spaced,target=/c touch /c/$(ls /c | wc -l) && ls /c'
      const args = ['--no-cache=steps', '--build-arg', 'BUILDKIT_CACHE_MOUNT_NS=mine']
      assert.deepEqual([await says(steps), await says(steps, args), await says(steps, args)], [['0'], ['0'], ['0', '1']])
    })
    it('begins as a copy of a stage', async () => {
      const stage = 'FROM base AS seed\nRUN mkdir -p /s/d && echo seeded >/s/d/f && chown 7:8 /s/d/f\nFROM base\n'
      const run = 'RUN --mount=type=cache,id=seeded,from=seed,source=s/d,target=/c cat /c/f && stat -c "%u:%g" /c/f && echo more >>/c/f'
      assert.deepEqual(await says(stage + run), ['seeded', '7:8'])
      assert.deepEqual(await says(`${stage}${run} && true`), ['seeded', 'more', '7:8'])
    })
    it('can be read-only and inside other mounts', async () => {
      const steps =
        'RUN --mount=target=/src --mount=type=cache,id=nested,target=/src/node_modules echo kept >/src/node_modules/f\n' +
        'RUN --mount=type=cache,id=nested,target=/c,ro cat /c/f && (touch /c/g) 2>/dev/null || echo refused'
      assert.deepEqual(await says(steps), ['kept', 'refused'])
    })
    it('is emptied by --no-cache, and kept by --no-cache=steps', async () => {
      const steps = 'RUN --mount=type=cache,id=emptied,target=/c echo x >>/c/list && wc -l </c/list'
      assert.deepEqual(await says(steps), ['1'])
      assert.deepEqual(await says(steps, ['--no-cache=steps']), ['2'])
      assert.deepEqual(await says(steps, ['--no-cache']), ['1'])
    })
    it('is emptied by --no-cache-filter where a step of the stage has it', async () => {
      const own = (id: string) => `RUN --mount=type=cache,id=${id},target=/c echo ${id} >>/c/list && wc -l </c/list && echo > /${id}`
      const stages = `FROM base AS one\n${own('first')}\nFROM base AS two\n${own('second')}\nFROM base\n`
      const copies = 'COPY --from=one /first /\nCOPY --from=two /second /'
      assert.deepEqual(await says(stages + copies, ['--jobs=1']), ['1', '1'])
      assert.deepEqual(await says(stages + copies, ['--no-cache=steps', '--jobs=1']), ['2', '2'])
      assert.deepEqual(await says(stages + copies, ['--no-cache-filter=two']), ['1'])
    })
    for (const [sharing, most, together] of [
      ['locked', 1, ['1', '2']],
      ['shared', 2, ['1', '2']],
      ['private', 2, ['1', '1']],
    ] as const)
      it(`lets ${most === 1 ? 'one step' : 'two steps'} in at once when it is ${sharing}`, async () => {
        const mount = `--mount=type=cache,id=${sharing},sharing=${sharing},target=/c`
        // Each adds its line, waits for the other a while, and says how many were in at once.
        const run = (name: string) =>
          `RUN ${mount} echo x >>/c/all; touch /c/in-${name}; for i in 1 2 3 4 5 6 7 8 9 10; do [ $(ls /c/in-* | wc -l) = 2 ] && break; sleep 0.1; done; ` +
          `echo $(ls /c/in-* | wc -l) >/most; sleep 0.5; rm /c/in-${name}; wc -l </c/all >/lines`
        const ended = await builds(
          `FROM base AS a\n${run('a')}\nFROM base AS b\n${run('b')}\nFROM base\n` +
            'RUN --mount=from=a,target=/a --mount=from=b,target=/b cat /a/most /b/most | sort -n | tail -n 1; cat /a/lines /b/lines | sort -n',
          ['--jobs', '2'],
        )
        const said = output(ended)
        if (sharing === 'private') assert.deepEqual(said, ['1', ...together])
        else assert.equal(said[0], String(most))
      })
    it('goes with prune --all', async () => {
      await builds('RUN --mount=type=cache,target=/c touch /c/x')
      assert.notEqual(readdirSync(join(bench.store, 'mounts')).length, 0)
      await bench.expect(['prune', '--all'])
      assert.equal(readdirSync(join(bench.store, 'mounts')).length, 0)
      await bench.addBase()
    })
  })

  it('of type tmpfs is empty and of the size asked for', async () => {
    assert.deepEqual(
      await says('RUN --mount=type=tmpfs,target=/bin/t,size=1m ls -A /bin/t && df -k /bin/t | tail -n 1 | tr -s " " | cut -d " " -f 2'),
      ['1024'],
    )
    assert.deepEqual(
      await says('RUN --mount=type=tmpfs,target=/dev/shm,size=2m df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2'),
      ['2048'],
    )
  })

  it('of type tmpfs has the mode of the folder it covers, or is open to all', async () => {
    assert.deepEqual(
      await says('RUN --mount=type=tmpfs,target=/root --mount=type=tmpfs,target=/none/there stat -c "%a %u %n" /root /none/there /none'),
      ['700 0 /root', '1777 0 /none/there', '755 0 /none'],
    )
  })

  describe('of type secret', () => {
    const given = () => ['--secret', `id=s,src=${bench.folder}/secret`]
    it('is a file, by default below /run/secrets, with its mode and owner, and nothing else is there', async () => {
      const run = 'RUN --mount=type=secret,id=s stat -c "%a %u %g %s" /run/secrets/s && ls /run/secrets'
      assert.deepEqual(await says(run, given()), [`400 0 0 ${SECRET.length + 1}`, 's'])
      const own = 'RUN --mount=type=secret,id=s,target=/etc/x,mode=0440,uid=3,gid=4 stat -c "%a %u %g" /etc/x'
      assert.deepEqual(await says(own, given()), ['440 3 4'])
    })
    it('is a variable, and a file only when a target is given', async () => {
      const run = (more: string) =>
        `RUN --mount=type=secret,id=s,env=S${more} echo $(printf %s "$S" | wc -c) $(ls /run/secrets 2>/dev/null)`
      assert.deepEqual(await says(run(''), ['--secret', 'id=s,env=FROM_ENV'], { env: { FROM_ENV: SECRET } }), [`${SECRET.length}`])
      assert.deepEqual(await says(run(',target=/run/secrets/t'), ['--secret', 'id=s'], { env: { s: SECRET } }), [`${SECRET.length} t`])
    })
    it('is in its variable byte by byte, or cannot be one', async () => {
      const run = 'RUN --mount=type=secret,id=s,env=S printf %s "$S" | od -An -tx1'
      const file = (content: Uint8Array) => ['--secret', `id=s,src=${bench.write('odd', content)}`]
      assert.deepEqual(await says(run, file(Buffer.of(0x63, 0xe9, 0x0a, 0xff))), [' 63 e9 0a ff'])
      for (const [content, why] of [
        [Buffer.of(0x61, 0, 0x62), /secret s cannot be the variable S: it has a zero byte/],
        [Buffer.alloc(200_000, 0x61), /secret s cannot be the variable S: it has 200000 bytes/],
      ] as const)
        await fails(`${run}; true`, why, file(content))
    })
    it('is masked where a step prints it', async () => {
      assert.deepEqual(await says('RUN --mount=type=secret,id=s cat /run/secrets/s; echo "[$(cat /run/secrets/s)]" >&2', given()), [
        '****',
        '[****]',
      ])
    })
    it('is in no file of the store, no key, no history', async () => {
      await builds(
        'RUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S cp /run/secrets/s /tmp/x && rm /tmp/x; echo "$S" | tr a-z A-Z',
        given(),
      )
      const found = spawnSync('grep', ['-rlF', SECRET, bench.store], { encoding: 'utf8' })
      assert.equal(found.stdout, '')
    })
    it('does not make a step new when its value changes', async () => {
      const run = 'RUN --mount=type=secret,id=v,env=V echo "$V" | wc -c'
      await builds(run, ['--secret', 'id=v,env=V'], { env: { V: 'one' } })
      assert.match((await builds(run, ['--secret', 'id=v,env=V'], { env: { V: 'another' } })).stderr, /RUN --mount.*\n#\d+ CACHED/)
    })
    it('may be missing, unless it is required: that is told before anything runs', async () => {
      assert.deepEqual(await says('RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent && echo ran'), ['ran'])
      const near = await bench.build('FROM base\nRUN --mount=type=secret,id=absent --mount=type=ssh true\n', [
        '--secret',
        `id=absnt,src=${bench.folder}/Dockerfile`,
      ])
      const note = near.stderr.indexOf('not given, so that steps go without: secret absent (')
      assert.ok(note >= 0 && note < near.stderr.indexOf('#1 '), near.stderr)
      assert.match(near.stderr, /Dockerfile:2; did you mean absnt\?\), ssh default \(/)
      const ended = await bench.build('FROM base\nRUN touch /first\nRUN --mount=type=secret,id=absent,required true\n', ['--no-cache'])
      assert.equal(ended.status, 1)
      assert.match(ended.stderr, /Dockerfile:3/)
      assert.match(ended.stderr, /secret absent: not found, and this step requires it/)
      assert.doesNotMatch(ended.stderr, /^#\d/m)
    })
    for (const [spec, message] of [
      ['src=x', /an id is missing/],
      ['id=a,src=/does/not/exist', /secret a: cannot read \/does\/not\/exist/],
      ['id=a,env=NOT_SET', /has no variable NOT_SET/],
      ['id=a,sorce=x', /sorce is not known/],
      ['id=a,type=vault', /type vault is not known/],
    ] as const)
      it(`refuses --secret ${spec}`, async () => {
        const ended = await bench.build('FROM base\n', ['--secret', spec])
        assert.notEqual(ended.status, 0)
        assert.match(ended.stderr, message)
      })
    it('is not larger than 500 KiB', async () => {
      bench.write('large', Buffer.alloc(500 * 1024 + 1))
      const ended = await bench.build('FROM base\n', ['--secret', `id=a,src=${bench.folder}/large`])
      assert.match(ended.stderr, /512001 bytes are more than a secret may have/)
    })
  })

  describe('with targets and sources of an attacker', () => {
    it('never leaves the image through links', async () => {
      bench.write('host/victim', 'untouched')
      const steps =
        `RUN ln -s ${bench.folder}/host /evil && ln -s ../../../../../..${bench.folder}/host /evil2 && ln -s /proc/self /evil3\n` +
        'RUN --mount=type=tmpfs,target=/evil/x --mount=type=tmpfs,target=/evil2/x touch /evil/x/y /evil2/x/y'
      await builds(steps)
      assert.deepEqual(readdirSync(join(bench.folder, 'host')), ['victim'])
      await fails(
        'RUN ln -s /proc/self /evil3\nRUN --mount=type=tmpfs,target=/evil3/attr true',
        /nothing can be mounted inside \/proc and \/sys/,
      )
      await fails('RUN --mount=type=tmpfs,target=/proc/sys true', /nothing can be mounted inside \/proc and \/sys/)
    })
    it('finds the sources of binds and caches inside their trees', async () => {
      bench.write('host/victim', 'untouched')
      const stage = `FROM base AS s\nRUN ln -s ${bench.folder}/host/victim /leak && ln -s ../../../../../../etc /up\nFROM base\n`
      await fails(`${stage}RUN --mount=from=s,source=/leak,target=/x cat /x`, /is not in the mounted tree/)
      const cache = 'RUN --mount=type=cache,id=esc,target=/c ln -s ../../../../../../.. /c/up; ln -s /proc /c/proc'
      assert.deepEqual(
        await says(
          `${cache}\nRUN --mount=type=cache,id=esc,source=up,target=/d ls /d\nRUN --mount=type=cache,id=../../../esc,target=/d ls -A /d`,
        ),
        ['proc', 'up'],
      )
      symlinkSync('/etc', join(bench.context, 'outside'))
      await fails('RUN --mount=source=outside/passwd,target=/x cat /x', /is not in the build context/)
    })
    it('has a bound on how many one step may have', async () => {
      const many = (count: number) => Array.from({ length: count }, (_, i) => `--mount=type=tmpfs,target=/m/${i}`).join(' ')
      assert.deepEqual(await says(`RUN ${many(199)} <<EOF\n#!/bin/sh\nls /m | wc -l\nEOF`), ['199'])
      await fails(`RUN ${many(200)} true`, /200 mounts are more than one RUN may have \(199\)/)
    })
    it('says that a file and a directory are not the same', async () => {
      await fails('RUN mkdir /d\nRUN --mount=source=dir/file,target=/d true', /cannot mount at "\/d": a directory is there/)
      await fails('RUN touch /f\nRUN --mount=source=dir,target=/f true', /cannot mount at "\/f": a file is in the way/)
    })
    it('leaves a sound store and nothing that runs', async () => {
      await provesSound(bench)
      assert.deepEqual(await leftovers(bench), [])
    })
  })

  describe('of type ssh', () => {
    before(function () {
      if (spawnSync('ssh-keygen', ['-?']).error !== undefined) this.skip()
    })
    const key = (name: string) => {
      const path = join(bench.folder, name)
      if (!existsSync(path)) spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', `comment-${name}`, '-f', path])
      return path
    }
    /** Asks the agent at $SSH_AUTH_SOCK by hand: busybox has no ssh-add. 11 lists keys, 19 removes all. */
    const ask = (type: string) =>
      `printf '\\0\\0\\0\\001\\${type}' | nc -w 2 local:$SSH_AUTH_SOCK | od -An -tx1 -v | tr -d ' \\n' | cut -c 9-10`
    const hasNc = 'nc 2>&1 | grep -q local: && echo yes || echo no'

    it('offers the keys given, at a socket of the owner asked for, and nothing but listing and signing', async () => {
      const args = ['--ssh', `default=${key('one')}`]
      assert.deepEqual(await says('RUN --mount=type=ssh stat -c "%F %a %u" $SSH_AUTH_SOCK; echo $SSH_AUTH_SOCK', args), [
        'socket 600 0',
        '/run/buildkit/ssh_agent.0',
      ])
      assert.deepEqual(await says('RUN --mount=type=ssh,uid=5,gid=6,mode=0660,target=/s stat -c "%a %u %g" /s', args), ['660 5 6'])
      const [canAsk] = await says(`RUN ${hasNc}`)
      if (canAsk === 'yes') assert.deepEqual(await says(`RUN --mount=type=ssh ${ask('013')}; ${ask('023')}`, args), ['0c', '05'])
    })
    it('is not there when it was not given, and is asked for when required', async () => {
      assert.deepEqual(await says('RUN --mount=type=ssh echo "[$SSH_AUTH_SOCK]"'), ['[]'])
      await fails('RUN --mount=type=ssh,required true', /ssh default: no agent or key was given/)
      await fails('RUN true', /--ssh default: SSH_AUTH_SOCK is not set/, ['--ssh', 'default'], { env: { SSH_AUTH_SOCK: undefined } })
    })
    it('refuses a key with a passphrase in one line', async () => {
      const path = join(bench.folder, 'locked')
      spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'words', '-f', path])
      await fails('RUN --mount=type=ssh true', /cannot use the key .*locked/, ['--ssh', `default=${path}`])
      mkdirSync(join(bench.folder, 'none'), { recursive: true })
    })
    it('has no agent that outlives a tsbuild that is killed', async () => {
      const running = bench.start([
        ...bench.buildOf('FROM base\nRUN --mount=type=ssh echo READY; sleep 60\n'),
        '--no-cache',
        '--ssh',
        `default=${key('one')}`,
        bench.context,
      ])
      await running.said(/\d READY/)
      const family = familyOf(running.pid)
      assert.ok(
        family.some(({ command }) => command.startsWith('ssh-agent')),
        'there is one',
      )
      running.kill('SIGKILL')
      await running.ended
      assert.deepEqual(await leftovers(bench, family), [])
    })
    it('leaves no agent behind', async () => assert.deepEqual(await leftovers(bench), []))
  })
})

describe('RUN of a heredoc that begins with #!', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
  })

  it('is executed by the interpreter it names, and leaves nothing', async () => {
    const { status, stderr } = await bench.build(
      'FROM base\nRUN <<EOF\n#!/bin/awk -f\nBEGIN { print "by awk" > "/dev/stderr" }\nEOF\nRUN ls /dev\n',
    )
    assert.equal(status, 0, stderr)
    assert.match(stderr, /\d by awk\n/)
    assert.doesNotMatch(stderr, /\d pipes\n/)
  })
  it('is done again when its text changes', async () => {
    const build = (text: string) => bench.build(`FROM base\nRUN <<EOF\n#!/bin/sh\necho ${text}\nEOF\n`)
    await build('one')
    assert.match((await build('one')).stderr, /CACHED/)
    assert.match((await build('two')).stderr, /\d two\n/)
  })
})

describe('RUN --security=insecure', function () {
  this.timeout(60_000)
  let bench: Workbench
  withBench((made) => {
    bench = made
  })
  const caps =
    "grep CapEff /proc/self/status | tr -d '\\t'; mkdir -p /m; mount -t tmpfs none /m 2>/dev/null && echo mounted || echo refused"

  it('needs --allow security.insecure', async () => {
    const ended = await bench.build('FROM base\nRUN --security=insecure true\n')
    assert.equal(ended.status, 1)
    assert.match(ended.stderr, /entitlement security\.insecure is not allowed/)
  })
  it('has all capabilities of its namespace; a step without it has not, and is another step', async () => {
    const ended = await bench.build(`FROM base\nRUN --security=insecure ${caps}\nRUN ${caps}\n`, ['--allow', 'security.insecure'])
    assert.equal(ended.status, 0, ended.stderr)
    const said = output(ended)
    assert.match(said[0] ?? '', /CapEff:0*1ff/)
    assert.equal(said[1], 'mounted')
    assert.equal(said[2], 'CapEff:00000000a80425fb')
    assert.equal(said[3], 'refused')
  })
})
