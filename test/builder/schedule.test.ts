import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Node, schedule } from '../../builder/schedule.ts'

const node = (id: number, ...inputs: number[]): Node => ({ id, inputs })
const never = new AbortController().signal

describe('schedule', () => {
  it('gives each node the results of its inputs', async () => {
    const results = await schedule(
      [node(0), node(1, 0), node(2, 0), node(3, 1, 2)],
      async ({ id }, inputs: readonly string[]) => `${id}(${inputs.join(' ')})`,
      {
        jobs: 2,
        signal: never,
      },
    )
    assert.equal(results.get(3), '3(1(0()) 2(0()))')
  })

  it('never has more nodes at work than jobs', async () => {
    let running = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++running)
      await sleep(2)
      running -= 1
    }
    await schedule(
      [0, 1, 2, 3, 4, 5].map((id) => node(id)),
      work,
      { jobs: 2, signal: never },
    )
    assert.equal(most, 2)
  })

  it('aborts what runs at the first failure, starts nothing more and throws that failure', async () => {
    const begun: number[] = []
    const aborted: number[] = []
    const work = async ({ id }: Node, _: readonly unknown[], { signal }: { signal: AbortSignal }) => {
      begun.push(id)
      if (id === 0) throw new Error('first')
      await sleep(10_000, undefined, { signal }).catch((error) => {
        aborted.push(id)
        throw error
      })
    }
    await assert.rejects(schedule([node(0), node(1), node(2, 1), node(3)], work, { jobs: 2, signal: never }), { message: 'first' })
    assert.deepEqual([begun, aborted], [[0, 1], [1]])
  })

  it('throws the reason of the caller who aborts', async () => {
    const abort = new AbortController()
    const work = async (_: Node, __: readonly unknown[], { signal }: { signal: AbortSignal }) => {
      abort.abort(new Error('enough'))
      await sleep(10_000, undefined, { signal })
    }
    await assert.rejects(schedule([node(0)], work, { jobs: 1, signal: abort.signal }), { message: 'enough' })
  })

  it('lets another node work while one only waits', async () => {
    const order: string[] = []
    let release: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    await schedule(
      [node(0), node(1)],
      async ({ id }, _: readonly unknown[], { slot }) => {
        if (id === 0) await slot.yielding(() => gate)
        else release()
        order.push(String(id))
      },
      { jobs: 1, signal: never },
    )
    assert.deepEqual(order, ['1', '0'])
  })
})
