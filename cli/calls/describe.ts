import { table } from '../table.ts'
import { toJson } from './location.ts'

interface Request {
  readonly name: string
  readonly description: string
}

const VERSION = '1.0.0'
const REQUESTS: readonly Request[] = [
  { name: 'lint', description: 'Check the Dockerfile (--call=check)' },
  { name: 'outline', description: 'List what can be given to a build of the target' },
  { name: 'subrequests.describe', description: 'List these' },
  { name: 'targets', description: 'List the stages that can be built' },
]

/** `--call=subrequests.describe`: what `--call` can be asked. */
export function describeText(): string {
  return table([['NAME', 'VERSION', 'DESCRIPTION'], ...REQUESTS.map(({ name, description }) => [name, VERSION, description])], 1)
}

/** The same with the fields of BuildKit's result. */
export function describeJson(): string {
  return toJson(
    REQUESTS.map(({ name, description }) => ({ Name: `frontend.${name}`, Version: VERSION, Type: 'rpc', Description: description })),
  )
}
