import type { IncomingMessage } from 'node:http';
import type { Random } from '@millrace/observability';

/** Printable ASCII without spaces and quotes: safe in headers, log lines and shells. */
const ACCEPTED = /^[A-Za-z0-9._:/+=@~-]{1,128}$/;

/**
 * Takes the request id of `X-Request-ID`, or makes one: sixteen random characters a process and a counter, because
 * drawing a UUID for every request costs more than all the rest of the bookkeeping.
 */
export function requestIds(random: Random): (request: Pick<IncomingMessage, 'headers'>) => string {
  const prefix = random.bytes(8).toString('hex');
  let count = 0;
  return (request) => {
    const given = request.headers['x-request-id'];
    return typeof given === 'string' && ACCEPTED.test(given) ? given : `${prefix}-${(++count).toString(36)}`;
  };
}
