import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { answer, PROBLEM_CONTENT_TYPE } from '../problem/problem';

/**
 * `Expect: 100-continue` is answered when it is this request's turn on its connection: Node would write the interim
 * answer into the middle of the one before it, where requests are pipelined. Without it a client sends its body after a
 * while all the same. Any other expectation is refused, as problem details.
 */
export function answerExpectations(server: Server): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // A response has its socket from its turn on.
    if (response.socket) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const detail = 'The only expectation that can be met is 100-continue.';
    const body = JSON.stringify(answer(417, { detail }).problem);
    response.writeHead(417, { 'content-type': PROBLEM_CONTENT_TYPE, 'content-length': Buffer.byteLength(body) });
    response.end(body);
    request.resume();
  });
}
