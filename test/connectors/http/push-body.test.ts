import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bodyOf } from '../../../src/connectors/http/push-body.ts'
import { shownAddress } from '../../../src/connectors/http/shown-address.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

describe('the body of a request', () => {
  for (const [type, text, records] of [
    ['application/json', '[1,{"a":null}]', [1, { a: null }]],
    ['application/json; charset=utf-8', '{"a":1}', [{ a: 1 }]],
    ['application/json', '[]', []],
    ['application/x-ndjson', '{"a":1}\n\n"two"\r\n', [{ a: 1 }, 'two']],
    ['application/jsonl', '', []],
    ['text/plain', 'one\r\ntwo\n\nthree', ['one', 'two', 'three']],
    [undefined, 'é', ['é']],
  ] as const)
    it(`of ${type}: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(bodyOf(type, bytes(text)), { records })
    })

  for (const [type, body, status, reason] of [
    ['application/json', bytes('{"secret":'), 400, /the body is no JSON; nothing/],
    ['application/x-ndjson', bytes('1\n2\n{oops'), 400, /line 3 is no JSON/],
    ['text/plain', Uint8Array.of(0xff), 400, /no UTF-8/],
    ['image/png', bytes(''), 415, /not image\/png/],
  ] as const)
    it(`of ${type} that is wrong is refused with ${status}`, () => {
      const found = bodyOf(type, body)
      assert.ok('status' in found)
      assert.equal(found.status, status)
      assert.match(found.reason, reason)
    })
})

it('an address is shown without what may be a secret', () => {
  assert.equal(shownAddress('https://a:b@host:1/path?token=hush#x'), 'https://host:1/path')
  assert.equal(shownAddress('nothing'), 'an address that is none')
})
