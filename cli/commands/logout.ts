import { parseReference } from '../../registry/oci/reference.ts'
import { command } from '../context.ts'

export const run = command(
  {
    path: ['logout'],
    summary: 'Removes the credentials of a registry from where login keeps them.',
    operands: [{ name: '[registry]', help: 'host[:port] (default docker.io)' }],
    flags: {},
  },
  async (_options, [registry = 'docker.io'], context) => {
    const { Credentials } = await import('../../registry/remote/credentials.ts')
    const { registry: host } = parseReference(`${registry}/x`)
    const places = await new Credentials({ env: context.env }).remove(host)
    context.print(places.length === 0 ? `no credentials of ${host} were kept\n` : places.map((place) => `removed from ${place}\n`).join(''))
    return 0
  },
)
