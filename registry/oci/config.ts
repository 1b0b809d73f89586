import { array, boolean, type InferOutput, literal, looseObject, nullish, number, optional, record, string } from 'valibot'
import { digestSchema } from './descriptor.ts'
import { readDocument } from './document.ts'

const stringSet = record(string(), looseObject({}))

const healthcheckSchema = looseObject({
  Test: optional(array(string())),
  Interval: optional(number()),
  Timeout: optional(number()),
  StartPeriod: optional(number()),
  StartInterval: optional(number()),
  Retries: optional(number()),
})

const runConfigSchema = looseObject({
  User: optional(string()),
  ExposedPorts: nullish(stringSet),
  Env: nullish(array(string())),
  Entrypoint: nullish(array(string())),
  Cmd: nullish(array(string())),
  Volumes: nullish(stringSet),
  WorkingDir: optional(string()),
  Labels: nullish(record(string(), string())),
  StopSignal: optional(string()),
  ArgsEscaped: optional(boolean()),
  Shell: nullish(array(string())),
  Healthcheck: nullish(healthcheckSchema),
  OnBuild: nullish(array(string())),
})

const historySchema = looseObject({
  created: optional(string()),
  created_by: optional(string()),
  author: optional(string()),
  comment: optional(string()),
  empty_layer: optional(boolean()),
})

const imageConfigSchema = looseObject({
  created: nullish(string()),
  author: optional(string()),
  architecture: string(),
  os: string(),
  variant: optional(string()),
  config: nullish(runConfigSchema),
  rootfs: looseObject({ type: literal('layers'), diff_ids: nullish(array(digestSchema)) }),
  history: nullish(array(historySchema)),
})

/** What to run: the `config` object of an image config. Durations are nanoseconds. */
export type RunConfig = InferOutput<typeof runConfigSchema>
export type HealthcheckConfig = InferOutput<typeof healthcheckSchema>
export type History = InferOutput<typeof historySchema>
/** image-spec v1.1, config.md. The image ID is the digest of its bytes. */
export type ImageConfig = InferOutput<typeof imageConfigSchema>

export function readConfig(bytes: Uint8Array, what: string): ImageConfig {
  return readDocument(imageConfigSchema, bytes, what)
}
