import { copyFileSync, cpSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { outputOf, writeContext } from '../../fixtures/cli.ts'
import { aptOptions } from '../../fixtures/debian.ts'
import type { TreeEntry } from '../../fixtures/image-tree.ts'

/** One build of the Debian tests: its context, and what a command in the image prints. */
export interface DebianBuild {
  readonly name: string
  /** Fills a folder with a context whose Dockerfile begins FROM `base`. */
  readonly prepare: (folder: string, base: string) => Promise<void>
  /** Run in the image by every tool; without one the image's own command. */
  readonly command?: readonly string[]
  readonly output: RegExp
  /** What must be in the image, whatever others make of it. */
  readonly tree: Readonly<Record<string, Partial<TreeEntry>>>
}

/** The way to the archives is the machine's own, and known at run time only. */
const APT = {
  'apt.conf': aptOptions()
    .map((line) => `${line}\n`)
    .join(''),
}
const INSTALL = 'apt-get -qq update && apt-get -qq install -y --no-install-recommends'

const PACKAGES: DebianBuild = {
  name: 'packages with maintainer scripts, chown, setcap and adduser',
  prepare: async (folder, base) =>
    writeContext(folder, {
      ...APT,
      Dockerfile: `FROM ${base}
COPY apt.conf /etc/apt/apt.conf.d/99machine
RUN ${INSTALL} libcap2-bin iputils-ping adduser openssh-client dbus && rm -rf /var/lib/apt/lists/*
RUN adduser --quiet --system --group --home /srv/app app && install -d -o app -g app -m 2750 /srv/data && chgrp -R 4242 /srv/data
RUN cp /bin/ping /usr/local/bin/ping && setcap cap_net_raw,cap_net_bind_service+ep /usr/local/bin/ping && ln -s ../local/bin/ping /usr/bin/ping-too
RUN install -o 65534 -g 65534 -m 4755 /usr/bin/id /usr/local/bin/id-as-nobody && id-as-nobody -u | grep -q 65534 || test "$(id -u)" = 0
USER app
CMD ["sh", "-c", "id -un; stat -c %a:%U:%g /srv/data; stat -c %a /usr/local/bin/id-as-nobody"]
`,
    }),
  output: /^app\n2750:app:4242\n4755$/,
  tree: {
    // capability.h: VFS_CAP_REVISION_2 with the effective bit, CAP_NET_BIND_SERVICE (10) and CAP_NET_RAW (13) permitted
    'usr/local/bin/ping': { xattrs: { 'security.capability': '0100000200240000000000000000000000000000' } },
    'usr/local/bin/id-as-nobody': { mode: '4755', owner: '65534:65534' },
    'var/lib/dpkg/info/openssh-client.list': { type: 'file' },
  },
}

const C_PROGRAM: DebianBuild = {
  name: 'a C program compiled in one stage and copied into scratch',
  prepare: async (folder, base) =>
    writeContext(folder, {
      ...APT,
      'main.c': '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("alone as %d\\n", getuid()); return 0; }\n',
      Dockerfile: `FROM ${base} AS build
COPY apt.conf /etc/apt/apt.conf.d/99machine
RUN ${INSTALL} gcc libc6-dev
WORKDIR /src
COPY main.c .
RUN gcc -static -O2 -Wl,--build-id=none -o main main.c && strip main
FROM scratch
COPY --from=build --chmod=0555 /src/main /main
USER 1234
ENTRYPOINT ["/main"]
`,
    }),
  output: /^alone as 1234$/,
  tree: { main: { mode: '555', owner: '0:0' } },
}

const NODE: DebianBuild = {
  name: 'a Node application: npm ci in one stage, copied into a slim one',
  prepare: async (folder, base) => {
    writeContext(folder, {
      'index.js': "console.log('semver', require('semver').major('7.1.2'), require('ms')('2s'), process.getuid())\n",
      'package.json': '{ "name": "app", "version": "1.0.0", "dependencies": { "semver": "^7.0.0", "ms": "^2.0.0" } }\n',
      '.dockerignore': 'node_modules\n',
      Dockerfile: `FROM ${base} AS build
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/npm
COPY machine.npmrc machine-ca.pem /etc/
WORKDIR /app
COPY package*.json ./
RUN NPM_CONFIG_GLOBALCONFIG=/etc/machine.npmrc node /usr/local/lib/npm/bin/npm-cli.js ci --omit=dev --no-audit --no-fund --cache /tmp/npm
COPY index.js .
FROM ${base}
COPY --from=build /usr/local/bin/node /usr/local/bin/
COPY --from=build --chown=1000:1000 /app /app
WORKDIR /app
USER 1000:1000
ENV NODE_ENV=production
CMD ["node", "index.js"]
`,
    })
    await addNode(folder)
    await outputOf('npm', ['install', '--package-lock-only', '--no-audit', '--no-fund'], { cwd: folder, timeoutMs: 120_000 })
  },
  output: /^semver 7 2000 1000$/,
  tree: { 'app/node_modules/.bin/semver': { type: 'symlink', link: '../semver/bin/semver.js', owner: '1000:1000' } },
}

/** The machine's node and npm, and the way it reaches its registry. */
async function addNode(folder: string): Promise<void> {
  copyFileSync(process.execPath, join(folder, 'node'))
  const npm = dirname(dirname(realpathSync(await outputOf('sh', ['-c', 'command -v npm']))))
  cpSync(npm, join(folder, 'npm'), { recursive: true, dereference: false })
  mkdirSync(folder, { recursive: true })
  const lines = ['cafile=/etc/machine-ca.pem']
  for (const key of ['registry', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl']) {
    const value = await outputOf('npm', ['config', 'get', key])
    if (value !== '' && value !== 'null' && value !== 'undefined') lines.push(`${key}=${value}`)
  }
  writeFileSync(join(folder, 'machine.npmrc'), `${lines.join('\n')}\n`)
  const authorities = await outputOf('npm', ['config', 'get', 'cafile'])
  copyFileSync(authorities === 'null' ? '/etc/ssl/certs/ca-certificates.crt' : authorities, join(folder, 'machine-ca.pem'))
}

export const DEBIAN_BUILDS: readonly DebianBuild[] = [PACKAGES, NODE, C_PROGRAM]

/** Files that say when or in which process they were written: their content is not compared. */
export const DATED = [
  /^var\/log\//,
  /^var\/cache\/ldconfig\/aux-cache$/,
  /^var\/cache\/apt\/\w+\.bin$/,
  /^var\/cache\/debconf\//,
  /^etc\/(passwd|shadow|group|gshadow|subuid|subgid)-$/,
  /^var\/lib\/dbus\/machine-id$|^etc\/machine-id$/,
]
