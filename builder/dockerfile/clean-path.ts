/** The shortest path that means the same, as Go's `path.Clean`: no `.`, no `//`, `..` taken out where it can be. Empty becomes `.`. */
export function cleanPath(path: string): string {
  const rooted = path.startsWith('/')
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else if (!rooted) parts.push('..')
  }
  const clean = parts.join('/')
  return rooted ? `/${clean}` : clean || '.'
}
