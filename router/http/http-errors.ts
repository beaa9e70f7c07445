import type { FastifyError } from 'fastify';
import { FrontierError, toFrontierError } from '../../core/errors.ts';

/** Gives what fastify threw as one of our errors. */
export function errorOf(thrown: FastifyError | FrontierError): FrontierError {
  if (thrown instanceof FrontierError) return thrown;
  switch (thrown.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new FrontierError('QUERY_TOO_LARGE', 'the body is larger than any request may be');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new FrontierError('UNSUPPORTED_MEDIA_TYPE', 'send the body as content-type: application/json');
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new FrontierError('MALFORMED_BODY', thrown.message);
    case 'FST_ERR_BAD_URL':
      return new FrontierError('PATH_UNKNOWN', 'the path cannot be read');
    default:
      return toFrontierError(thrown);
  }
}
