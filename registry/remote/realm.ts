import { TsbuildError } from '../oci/error.ts'
import { isLoopbackHost, literalAddress } from './address.ts'
import { showUrl } from './transport-error.ts'

/** Token servers that are known to serve a registry of another domain. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'registry-1.docker.io': ['auth.docker.io'],
  'nvcr.io': ['authn.nvidia.com'],
}
// Below these anyone can have a name, so two names there have nothing to do with each other. Not the whole public suffix list: where this list does
// not know a suffix, the rule for two-letter countries below errs on the side of telling names apart.
const SHARED = new Set(
  `amazonaws.com appspot.com azure-api.net azurecontainer.io azurecontainerapps.io azurecr.io azurewebsites.net cloudapp.net cloudflare.net
  cloudfront.net codespaces.dev ddns.net digitaloceanspaces.com dyndns.org duckdns.org fastly.net firebaseapp.com fly.dev github.dev github.io
  githubpreview.dev gitlab.io googleapis.com googleusercontent.com herokuapp.com herokuspace.com linodeobjects.com loca.lt myshopify.com netlify.app
  ngrok.app ngrok.dev ngrok.io ngrok-free.app nip.io on.aws onrender.com openshiftapps.com pages.dev r2.dev rhcloud.com run.app sslip.io
  trycloudflare.com ts.net tunnels.dev vercel.app web.app windows.net workers.dev xip.io`.split(/\s+/),
)
const SECOND_LEVEL = /^(?:ac|co|com|edu|go|gob|gouv|gov|gv|lg|ltd|me|mil|ne|net|nom|or|org|plc|priv|pub|sch|school)$/

export interface Realm {
  readonly url: URL
  /** Credentials may go there; else the token is asked for anonymously. */
  readonly trusted: boolean
}

/**
 * The token server that a registry at `registry` names. Never plain http for an https registry. Trusted with credentials when it is the same host, the
 * same registrable domain, known, or in `trustedRealms` (hosts the user chose). Its address is checked when connecting. Throws REALM_REFUSED.
 */
export function checkRealm(registry: URL, realm: string, trustedRealms: readonly string[] = []): Realm {
  if (!URL.canParse(realm)) throw refused(registry, 'not a URL')
  const url = new URL(realm)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused(registry, `the protocol ${url.protocol}`)
  if (registry.protocol === 'https:' && url.protocol === 'http:') throw refused(registry, `${showUrl(url)}, from https down to http`)
  url.username = ''
  url.password = ''
  url.hash = ''
  const known = [...(KNOWN[registry.host] ?? []), ...trustedRealms]
  return { url, trusted: isRelated(registry.hostname, url.hostname) || known.includes(url.host) }
}

/** Do two hosts belong to one owner, as far as their names can say? */
export function isRelated(a: string, b: string): boolean {
  if (a === b || (isLoopbackHost(a) && isLoopbackHost(b))) return true
  const [one, two] = [registrableDomain(a), registrableDomain(b)]
  return one !== undefined && one === two
}

function registrableDomain(hostname: string): string | undefined {
  if (literalAddress(hostname) !== undefined) return undefined
  const labels = hostname.toLowerCase().replace(/\.$/, '').split('.')
  for (let i = 0; i < labels.length; i++) {
    // A shared suffix may have more below it that is shared too (s3.amazonaws.com), so only equal names are related there.
    if (SHARED.has(labels.slice(i).join('.'))) return undefined
  }
  const [second = '', top = ''] = labels.slice(-2)
  const wide = top.length === 2 && (SECOND_LEVEL.test(second) || second.length <= 3)
  const size = wide ? 3 : 2
  return labels.length < size || labels.length < 2 ? undefined : labels.slice(-size).join('.')
}

function refused(registry: URL, why: string): TsbuildError {
  return new TsbuildError('REALM_REFUSED', `${registry.host} names a token server that may not be used: ${why}`, {
    hint: 'no credentials were sent',
  })
}
