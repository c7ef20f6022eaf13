import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Logger } from '../../src/base/logger.ts'
import { StatsReportListener } from '../../src/streaming/listener.ts'
import { StreamTest } from '../../src/testing/stream-test.ts'

describe('StatsReportListener', () => {
  it('logs the spread of the delays after every n batches, by the percentiles of Spark', async () => {
    const lines: string[] = []
    const ignore = (): void => {}
    const logger: Logger = { debug: ignore, info: line => void lines.push(line), warn: ignore, error: ignore }
    await using t = new StreamTest({
      build: t => {
        t.ssc.addStreamingListener(new StatsReportListener(logger, 2))
        t.input('in', []).foreachRDD((_, time) => t.clock.sleep(time.milliseconds / 10))
      },
    })
    await t.run(5)
    assert.deepEqual(lines.slice(0, 2), [
      'Total delay of the last 2 batches: 0%: 100 ms, 5%: 100 ms, 10%: 100 ms, 25%: 100 ms, 50%: 200 ms, 75%: 200 ms, 90%: 200 ms, 95%: 200 ms, 100%: 200 ms',
      'Processing time of the last 2 batches: 0%: 100 ms, 5%: 100 ms, 10%: 100 ms, 25%: 100 ms, 50%: 200 ms, 75%: 200 ms, 90%: 200 ms, 95%: 200 ms, 100%: 200 ms',
    ])
    assert.equal(lines.length, 4)
  })
})
