const GIT_SCHEME = /^(?:git|ssh):\/\//i
const SCP_LIKE = /^[\w.-]+@[\w.-]+:(?!\/\/)/
const HTTP = /^https?:\/\//i

/**
 * Whether an ADD source (expanded) is fetched, and how; undefined is a local path. Git is `git://`, `ssh://`, `user@host:path`, and http(s) whose path ends
 * in `.git` before `#` or `?`, or any with `--keep-git-dir`, whatever its value. `github.com/x/y` without a scheme is a path.
 */
export function remoteSource(source: string, keepGitDir?: boolean): 'git' | 'http' | undefined {
  if (GIT_SCHEME.test(source) || SCP_LIKE.test(source)) return 'git'
  if (!HTTP.test(source)) return undefined
  return keepGitDir !== undefined || /^[^?#]*\.git(?:[?#]|$)/.test(source) ? 'git' : 'http'
}

/** Whether `remoteSource` is git, and ssh is how it is reached. */
export function isGitOverSsh(source: string): boolean {
  return SCP_LIKE.test(source) || /^ssh:\/\//i.test(source)
}
