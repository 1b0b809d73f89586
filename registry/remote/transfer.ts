import type { Digest } from '../oci/digest.ts'
import type { Emit } from '../oci/event.ts'

/** Events are this many bytes apart, so that a fast transfer does not spend its time on them. */
const EVENT_BYTES = 1 << 20

/** Where the progress of a transfer goes: events of one step. */
export interface Report {
  readonly step: string
  readonly emit: Emit
}

/** Progress of one blob. */
export interface Meter {
  /** So many bytes of the blob are across. */
  at(current: number): void
  /** It is across, or did not have to move: `note` says why (`exists`, `mounted from ...`). */
  end(note?: string): void
}

export function meterOf({ step, emit }: Report, { digest, size }: { digest: Digest; size: number }): Meter {
  let shown = -EVENT_BYTES
  const show = (current: number, note?: string) => {
    shown = current
    emit({ kind: 'transfer', step, id: digest, current, total: size, ...(note === undefined ? {} : { note }) })
  }
  return {
    at: (current) => {
      if (current - shown >= EVENT_BYTES || current < shown) show(current)
    },
    end: (note) => show(size, note),
  }
}
