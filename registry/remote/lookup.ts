import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

/**
 * A resolver for sockets whose answers pass `filter` first, at the moment of connecting: a check made earlier could be fooled by a name that
 * resolves differently the second time. `filter` may throw to refuse the connection.
 */
export function guardedLookup(lookup: LookupFunction, filter: (addresses: LookupAddress[]) => LookupAddress[]): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, answer, family) => {
      if (error !== null) return callback(error, [])
      let addresses: LookupAddress[]
      try {
        addresses = filter(typeof answer === 'string' ? [{ address: answer, family: family ?? 4 }] : answer)
      } catch (refusal) {
        return callback(refusal as Error, [])
      }
      const [first] = addresses
      if (options.all === true || first === undefined) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
  }
}
