import net, { type AddressInfo } from 'node:net';
import { RawConnection } from './raw-connection';

/** What a server sends of its own accord, and what is made of it. */
async function answers(text: string, ...toHead: (boolean | 'perhaps')[]): Promise<[number, string][]> {
  const server = net.createServer((socket) => void socket.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connection = await RawConnection.open((server.address() as AddressInfo).port);
  try {
    const found: [number, string][] = [];
    for (const each of toHead) {
      const answer = await connection.answer(10_000, each);
      if (answer) found.push([answer.status, answer.body]);
    }
    return found;
  } finally {
    connection.close();
    server.close();
  }
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n';
const REFUSED = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbad';

it('an answer to HEAD says a length and has no body', async () => {
  expect(await answers(OK + REFUSED, true, false)).toEqual([
    [200, ''],
    [400, 'bad'],
  ]);
  expect(await answers(`${OK}body${REFUSED}`, false, false)).toEqual([
    [200, 'body'],
    [400, 'bad'],
  ]);
});

it('what could not be read as HEAD is refused with a body', async () => {
  expect(await answers(OK + REFUSED, 'perhaps', false)).toEqual([
    [200, ''],
    [400, 'bad'],
  ]);
  expect(await answers(REFUSED, 'perhaps', false)).toEqual([[400, 'bad']]);
});
