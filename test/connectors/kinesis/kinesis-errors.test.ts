import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { kinesisError } from '../../../src/connectors/kinesis/cluster.ts'
import { settingsOf } from '../../../src/connectors/kinesis/options.ts'

const settings = settingsOf({
  stream: 'clicks',
  region: 'eu-central-1',
  credentials: { accessKeyId: 'AKIA', secretAccessKey: 'hush' },
})
const answer = (name: string, status: number): Error =>
  Object.assign(new Error('as it says'), {
    name,
    $metadata: { httpStatusCode: status },
    $response: { hush: 'hush' },
  })

describe('what Kinesis answers', () => {
  for (const [error, code] of [
    [answer('ResourceNotFoundException', 400), 'ENDPOINT_FAILED'],
    [answer('UnrecognizedClientException', 400), 'ENDPOINT_ACCESS_DENIED'],
    [answer('AccessDeniedException', 400), 'ENDPOINT_ACCESS_DENIED'],
    [Object.assign(new Error('no keys'), { name: 'CredentialsProviderError' }), 'ENDPOINT_ACCESS_DENIED'],
    [answer('ProvisionedThroughputExceededException', 400), 'ENDPOINT_UNREACHABLE'],
    [answer('InternalFailure', 500), 'ENDPOINT_UNREACHABLE'],
    [Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'ENDPOINT_UNREACHABLE'],
  ] as const)
    it(`${error.name} is ${code}, with server and stream and without secrets`, () => {
      const found = kinesisError(settings, 'its shards', error)
      assert.equal(found.code, code)
      assert.match(found.message, /Kinesis at eu-central-1 .*stream clicks/)
      assert.doesNotMatch(inspect(found, { depth: 20 }), /hush/)
    })

  for (const options of [
    { stream: '' },
    { stream: 's', initialPosition: 'FIRST' as never },
    { stream: 's', initialPosition: { timestamp: Number.NaN } },
  ])
    it(`options that mean nothing are refused: ${JSON.stringify(options)}`, () => {
      assert.throws(() => settingsOf(options), { code: 'INVALID_ARGUMENT', message: /of a Kinesis stream/ })
    })
})
