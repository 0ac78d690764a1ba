import type { IncomingMessage } from 'node:http';
import { ProblemException } from '@millrace/service';
import type { BodyLease } from './body-budget';
import { refuseForNow } from './capture';

export type OnBody = (refusal: ProblemException | null, body: Buffer) => void;

const NO_BODY = Buffer.alloc(0);

/**
 * Reads a request's body whole, at most `bytesMax`, and calls `done` once: with its bytes, or with why it is not taken
 * (413, or 503 where more bytes are held than may be). Never calls it for a client that goes away. `hold` is called for a
 * body that does not arrive in one piece, before its first piece is kept.
 *
 * What is refused is still read to its end and dropped: a server that answers and closes while its client is writing
 * resets the connection, and the client loses the answer.
 */
export function receiveBody(request: IncomingMessage, bytesMax: number, hold: () => BodyLease, done: OnBody): void {
  // NaN for a body in chunks, whose length nobody knows.
  const announced = Number(request.headers['content-length']);
  if (announced > bytesMax) {
    request.resume();
    done(tooLarge(bytesMax), NO_BODY);
    return;
  }
  let body: Buffer | null = null;
  let rest: Buffer[] | null = null;
  let lease: BodyLease | null = null;
  let length = 0;
  let over = false;
  const refuse = (refusal: ProblemException): void => {
    over = true;
    body = rest = null;
    lease?.release();
    done(refusal, NO_BODY);
  };
  request.on('data', (chunk: Buffer) => {
    if (over) return;
    length += chunk.length;
    if (length !== announced) lease ??= hold();
    if (length > bytesMax) refuse(tooLarge(bytesMax));
    else if (lease?.take(chunk.length) === false) refuse(overloaded());
    else if (body === null) body = chunk;
    else if (rest === null) rest = [body, chunk];
    else rest.push(chunk);
  });
  request.on('end', () => {
    if (over) return;
    over = true;
    done(null, rest === null ? (body ?? NO_BODY) : Buffer.concat(rest, length));
  });
  // A client that breaks off in the middle: nobody is there to answer to.
  request.on('error', () => (over = true));
}

function tooLarge(bytesMax: number): ProblemException {
  const detail = `The body is larger than the ${bytesMax} bytes that this endpoint takes.`;
  return new ProblemException(413, { detail, errors: [{ path: '$', rule: 'body_too_large', detail }] });
}

export function overloaded(): ProblemException {
  return refuseForNow('More arrives than can be handled soon. Nothing of this request was taken.');
}
