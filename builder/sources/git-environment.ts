import type { GitRun, GitSettings } from './git-command.ts'

const KEPT = [
  'PATH',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'HTTPS_PROXY',
  'https_proxy',
  'http_proxy',
  'NO_PROXY',
  'no_proxy',
  'ALL_PROXY',
  'all_proxy',
]

/** The user's configuration may name programs. known_hosts and the keys of the agent are used, those of the user are not, and questions are not asked. */
const SSH = [
  'ssh -F /dev/null',
  ...['BatchMode=yes', 'IdentityFile=none', 'ForwardAgent=no', 'ClearAllForwardings=yes', 'ConnectTimeout=15'].map((word) => `-o ${word}`),
].join(' ')

/** What git has instead of the environment of the user: neither his configuration nor that of the machine, and nothing that asks. */
export function environmentFor({ env, insecure }: GitSettings, { remote }: GitRun, allowed: readonly string[]): Record<string, string> {
  const kept = Object.fromEntries(KEPT.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
  const authorization = remote?.authorization
  return {
    ...kept,
    LC_ALL: 'C',
    HOME: '/nonexistent',
    XDG_CONFIG_HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    SSH_ASKPASS_REQUIRE: 'never',
    GIT_SSH_COMMAND: SSH,
    GIT_ALLOW_PROTOCOL: allowed.join(':'),
    GIT_NO_LAZY_FETCH: '1',
    ...(env.SSL_CERT_FILE ? { GIT_SSL_CAINFO: env.SSL_CERT_FILE } : {}),
    ...(insecure ? { GIT_SSL_NO_VERIFY: '1' } : {}),
    // In the environment, which others on the machine cannot read: git-config(1), GIT_CONFIG_COUNT.
    ...(authorization === undefined || remote === undefined
      ? {}
      : {
          GIT_CONFIG_COUNT: '2',
          GIT_CONFIG_KEY_0: `http.${new URL(remote.url).origin}/.extraHeader`,
          GIT_CONFIG_VALUE_0: `Authorization: ${authorization}`,
          // git goes on at the place that a redirect named, with the headers of the first one.
          GIT_CONFIG_KEY_1: 'http.followRedirects',
          GIT_CONFIG_VALUE_1: 'false',
        }),
  }
}
