import {
  check,
  type InferOutput,
  integer,
  looseObject,
  maxValue,
  minValue,
  number,
  optional,
  pipe,
  record,
  string,
  transform,
} from 'valibot'
import { type Digest, isDigest } from './digest.ts'

/** Reader of a digest inside a document. */
export const digestSchema = pipe(
  string(),
  check(isDigest, 'is not a digest'),
  transform((text) => text as Digest),
)
export const sizeSchema = pipe(number(), integer(), minValue(0), maxValue(Number.MAX_SAFE_INTEGER))
export const annotationsSchema = record(string(), string())

export const platformSchema = looseObject({
  os: string(),
  architecture: string(),
  variant: optional(string()),
  'os.version': optional(string()),
})

export const descriptorSchema = looseObject({
  mediaType: string(),
  digest: digestSchema,
  size: sizeSchema,
  annotations: optional(annotationsSchema),
  platform: optional(platformSchema),
  artifactType: optional(string()),
})

/** Points to a blob: what it is, its digest and its size in bytes. image-spec v1.1, descriptor.md. Unknown fields are kept. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly platform?: InferOutput<typeof platformSchema> | undefined
  readonly artifactType?: string | undefined
}
