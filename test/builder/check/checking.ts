import type { Finding } from '../../../builder/check/rule.ts'
import type { BaseImage } from '../../../builder/deps.ts'
import { readIgnore } from '../../../builder/dockerfile/ignore.ts'
import { type Prepared, prepare, type ResolveImages } from '../../../builder/prepare.ts'
import type { RunConfig } from '../../../registry/oci/config.ts'
import { digestOf } from '../../../registry/oci/digest.ts'
import { parsePlatform } from '../../../registry/oci/platform.ts'

export interface Case {
  readonly args?: Readonly<Record<string, string>>
  readonly target?: string
  readonly ignore?: string
  readonly platform?: string
  /** Config of every base image. */
  readonly base?: RunConfig
  readonly allStages?: boolean
}

/** Plans a Dockerfile over base images that are made up: each is for the platform asked for, but `other-platform`, which is for linux/s390x. */
export function prepared(
  text: string,
  { args = {}, target, ignore = '', platform = 'linux/amd64', base, allStages }: Case = {},
): Promise<Prepared> {
  return prepare(
    {
      dockerfile: { bytes: Buffer.from(text), file: 'Dockerfile' },
      target,
      buildArgs: new Map(Object.entries(args)),
      platforms: [parsePlatform(platform)],
      buildPlatform: parsePlatform('linux/amd64'),
      network: 'none',
      resources: { shmSize: 1, limits: [] },
      ignore: readIgnore(ignore, '.dockerignore'),
      allStages,
    },
    imagesWith(base),
  )
}

/** The findings as `Rule line`. */
export async function firedBy(text: string, options?: Case): Promise<string[]> {
  const { report, outcome } = await prepared(text, options)
  if ('error' in outcome) throw outcome.error
  return report.map(fired)
}

export function fired({ rule, at }: Finding): string {
  return at === undefined ? rule : `${rule} ${at.startLine}`
}

function imagesWith(base: RunConfig | undefined): ResolveImages {
  return async (wanted) => {
    const images = [...wanted].map(([key, { reference, platform }]): [string, BaseImage] => {
      const { os, architecture } = reference === 'other-platform' ? parsePlatform('linux/s390x') : platform
      const config = { os, architecture, config: base, rootfs: { type: 'layers' as const } }
      return [key, { reference, manifest: digestOf(key), config, layers: [] }]
    })
    return new Map(images)
  }
}
