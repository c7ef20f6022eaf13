import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { brokerError, saysNoTopic } from '../../../src/connectors/kafka/broker-errors.ts'

const wrapped = (inner: object): Error =>
  Object.assign(new AggregateError([inner], 'Listing failed.'), {
    code: 'PLT_KFK_MULTIPLE',
    options: { password: 'hush-hush' },
  })
const part = (fields: object): Error =>
  Object.assign(new Error('inner'), fields, { connection: { password: 'hush-hush' } })

describe('what the client library throws', () => {
  for (const [title, error, code, reason] of [
    [
      'a wrong password',
      wrapped(part({ code: 'PLT_KFK_NETWORK', cause: part({ apiId: 'SASL_AUTHENTICATION_FAILED' }) })),
      'KAFKA_ACCESS_DENIED',
      /SASL_AUTHENTICATION_FAILED/,
    ],
    [
      'a certificate that is not trusted',
      wrapped(part({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })),
      'KAFKA_ACCESS_DENIED',
      /DEPTH_ZERO/,
    ],
    [
      'a refused topic',
      wrapped(part({ apiId: 'TOPIC_AUTHORIZATION_FAILED', canRetry: false })),
      'KAFKA_ACCESS_DENIED',
      /TOPIC_AUTH/,
    ],
    ['a broker that is gone', wrapped(part({ code: 'ECONNREFUSED' })), 'KAFKA_UNREACHABLE', /ECONNREFUSED/],
    ['a lost connection', part({ code: 'PLT_KFK_NETWORK' }), 'KAFKA_UNREACHABLE', /inner/],
    [
      'a leader that has moved',
      part({ apiId: 'NOT_LEADER_OR_FOLLOWER', canRetry: true }),
      'KAFKA_UNREACHABLE',
      /NOT_LEADER/,
    ],
    [
      'an answer that asking again does not mend',
      part({ apiId: 'CORRUPT_MESSAGE', canRetry: false }),
      'KAFKA_REQUEST_FAILED',
      /CORRUPT_MESSAGE/,
    ],
    [
      'a call that is wrong',
      part({ code: 'PLT_KFK_USER', cause: part({ code: 'ECONNREFUSED' }) }),
      'KAFKA_REQUEST_FAILED',
      /./,
    ],
    ['no error at all', 'text', 'KAFKA_REQUEST_FAILED', /text/],
  ] as const)
    it(`${title} is ${code}, without secrets`, () => {
      const found = brokerError(error, 'the offsets of t', ['a:1', 'b:2'])
      assert.equal(found.code, code)
      assert.match(found.message, reason)
      assert.match(found.message, /a:1, b:2.*the offsets of t|the offsets of t.*a:1, b:2/)
      assert.doesNotMatch(inspect(found, { depth: 20, showHidden: true }), /hush/)
    })

  it('may say that there is no such topic', () => {
    assert.equal(saysNoTopic(wrapped(part({ apiId: 'UNKNOWN_TOPIC_ID' }))), true)
    assert.equal(saysNoTopic(wrapped(part({ apiId: 'OFFSET_OUT_OF_RANGE' }))), false)
  })

  it('may hold itself', () => {
    const error: Error & { cause?: unknown } = part({ code: 'ECONNRESET' })
    error.cause = error
    assert.equal(brokerError(error, 'x', ['a:1']).code, 'KAFKA_UNREACHABLE')
  })
})
