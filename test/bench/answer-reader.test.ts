import { describe, expect, test } from 'vitest'
import { createAnswerReader, headerOf } from './answer-reader.ts'

const plain = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"token":"t"}'
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"tok\r\n8\r\nen":"t"}\r\n0\r\n\r\n'

/**
 * One whole answer that arrives in two pieces, cut at each place in turn; the buffer is used again, as a socket's is.
 */
function readInTwo(text: string, cut: number) {
  const read = createAnswerReader()
  const buffer = Buffer.alloc(text.length)
  const piece = (part: string) => buffer.subarray(0, buffer.write(part, 'latin1'))
  return read(piece(text.slice(0, cut))) ?? read(piece(text.slice(cut)))
}

describe('an answer', () => {
  test.each([
    ['with a length', plain],
    ['in chunks', chunked],
  ])('%s is read wherever it is cut', (_, text) => {
    for (let cut = 1; cut <= text.length; cut++) {
      const answer = readInTwo(text, cut)
      expect(answer).toMatchObject({ status: 200, last: false })
      expect(answer?.body.toString()).toBe('{"token":"t"}')
    }
  })
  test('that arrives byte by byte comes once', () => {
    const read = createAnswerReader()
    const answers = [...plain].map((byte) => read(Buffer.from(byte))).filter((answer) => answer !== undefined)
    expect(answers.length).toBe(1)
  })
  test('is followed by the next one on the same connection', () => {
    const read = createAnswerReader()
    expect(read(Buffer.from(plain))?.status).toBe(200)
    expect(read(Buffer.from('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'))).toMatchObject({
      status: 204,
      last: true,
    })
  })
  test('is looked up by the names of its headers', () => {
    const head = createAnswerReader()(Buffer.from(plain))?.head ?? ''
    expect(headerOf(head, 'content-type')).toBe('application/json')
    expect(headerOf(head, 'type')).toBeUndefined()
  })
  test.each([
    ['no HTTP', 'SSH-2.0-x\r\n\r\n'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\n{}'],
    ['more than was asked for', `${plain}HTTP/1.1`],
  ])('with %s is none', (_, text) => {
    expect(() => createAnswerReader()(Buffer.from(text))).toThrow()
  })
})
