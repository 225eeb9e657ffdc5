/** What the HTTP parser refuses, as an error of ours: its own has the raw bytes, credentials included. */
import { TokenError } from '../errors.ts'
import type { Limits } from '../limits.ts'

/** @param code of the parser's error */
export function parserError(code: string | undefined, limits: Pick<Limits, 'headerBytes'>): TokenError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new TokenError(
      'headers_too_large',
      `Address and headers of the request have more than ${limits.headerBytes} bytes; ask for fewer scopes at once`,
    )
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new TokenError('request_too_slow', 'The request did not arrive in time; send it again')
  }
  return new TokenError('request_malformed', 'What arrived is not HTTP/1.1')
}
