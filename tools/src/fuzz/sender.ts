import { Chance, malformed, onTheWire, type RawAnswer, RawConnection, requestOf } from '@millrace/service/fuzzing';
import { faultOf } from './judge';
import { itemsTaken } from './receipts';
import type { Target } from './targets';

/** What became of one request of the run. */
export interface Sent {
  readonly statuses: readonly number[];
  /** Items that were acknowledged; and those that may be stored though nothing said so. */
  readonly items: number;
  readonly unknown: number;
  readonly fault: string | null;
  /** The bytes, so that a fault can be sent again. */
  readonly bytes: Buffer;
}

/** Longest time until a request is answered or its connection closed; above every limit of the services themselves. */
const ANSWER_MS_MAX = 45_000;
/** A connection with bytes on it that are no request is looked at for so long: it may rightly wait for the rest. */
const MALFORMED_MS_MAX = 150;
const PIPELINED_MAX = 6;

/** Connections of one lane, kept open from request to request, by port. */
export class Sender {
  private readonly open = new Map<number, RawConnection>();
  private readonly capturing: readonly Target[];

  constructor(
    private readonly targets: readonly Target[],
    private readonly known: readonly string[],
  ) {
    this.capturing = targets.filter(({ operations }) => operations.some(({ bodies }) => bodies.length > 0));
  }

  /** The n-th request of a seed, whatever was sent before it. */
  async send(seed: number, n: number): Promise<Sent> {
    const chance = new Chance((seed ^ Math.imul(n + 1, 0x9e3779b1)) | 0);
    for (let warm = 0; warm < 3; warm++) chance.next();
    const kind = chance.below(24);
    const target = chance.one(3) ? chance.pick(this.capturing) : chance.pick(this.targets);
    if (kind < 2) return this.sendMalformed(chance, target);
    if (kind === 2) return this.sendPipelined(chance, target);
    const { bytes, method } = this.request(chance, target);
    return this.exchange(target.port, bytes, [method]);
  }

  close(): void {
    for (const connection of this.open.values()) connection.close();
    this.open.clear();
  }

  private request(chance: Chance, target: Target): { bytes: Buffer; method: string; body: Buffer } {
    const { operations, prefix } = target;
    // Half of everything is sent where items come in.
    const capturing = operations.filter(({ bodies }) => bodies.length > 0);
    const operation = chance.pick(capturing.length > 0 && chance.one(2) ? capturing : operations);
    const request = requestOf(chance, operation, this.known);
    return {
      bytes: onTheWire(chance, { ...request, target: prefix + request.target }),
      method: request.method,
      body: request.body,
    };
  }

  /** One answer to each of the requests, in order. */
  private async exchange(port: number, bytes: Buffer, methods: readonly string[]): Promise<Sent> {
    const statuses: number[] = [];
    let items = 0;
    try {
      const connection = this.open.get(port) ?? (await RawConnection.open(port));
      this.open.set(port, connection);
      await connection.write(bytes);
      for (const method of methods) {
        const answer = await connection.answer(ANSWER_MS_MAX, method === 'HEAD');
        if (!answer) throw new Error('the connection was closed without an answer');
        statuses.push(answer.status);
        items += itemsTaken(answer);
        const fault = faultOf(answer, method === 'HEAD');
        if (fault) return this.lost(port, { statuses, items, unknown: 0, fault: `${fault}: ${shown(answer)}`, bytes });
        if (!/^connection: *close/im.test(answer.head)) continue;
        // What was sent after it on this connection is not read any more.
        this.drop(port);
        break;
      }
      return { statuses, items, unknown: 0, fault: null, bytes };
    } catch (error) {
      return this.lost(port, { statuses, items, unknown: 0, fault: (error as Error).message, bytes });
    }
  }

  private async sendPipelined(chance: Chance, target: Target): Promise<Sent> {
    const requests = Array.from({ length: 2 + chance.below(PIPELINED_MAX - 1) }, () => this.request(chance, target));
    return this.exchange(
      target.port,
      Buffer.concat(requests.map(({ bytes }) => bytes)),
      requests.map(({ method }) => method),
    );
  }

  /** Bytes that are no request, on a connection of their own: any refusal, or none, but no failure. */
  private async sendMalformed(chance: Chance, target: Target): Promise<Sent> {
    const { bytes: whole, body } = this.request(chance, target);
    const bytes = malformed(chance, whole);
    const connection = await RawConnection.open(target.port);
    const statuses: number[] = [];
    const begun = bytes.toString('latin1', 0, 32);
    let items = 0;
    try {
      await connection.write(bytes);
      for (;;) {
        const first = statuses.length === 0;
        // What follows the first request is none, or the rest of a body: it is not answered as HEAD is.
        const toHead = first && /^(\r\n)*HEAD /.test(begun);
        const answer = await connection.answer((first ? 4 : 1) * MALFORMED_MS_MAX, toHead && 'perhaps');
        if (!answer) break;
        statuses.push(answer.status);
        items += itemsTaken(answer);
        const fault = answer.status === 417 ? null : faultOf(answer, toHead);
        if (fault) return { statuses, items, unknown: 0, fault: `${fault}: ${shown(answer)}`, bytes };
      }
    } catch {
      // Neither an answer nor an end in that time: it waits for the rest of a request, which its own limits end.
    } finally {
      connection.close();
    }
    // A whole request followed by nonsense may be stored though its answer is lost with the connection.
    return {
      statuses,
      items,
      unknown: body.length === 0 ? 0 : 1 + body.toString('latin1').split('\n').length,
      fault: null,
      bytes,
    };
  }

  private lost(port: number, sent: Sent): Sent {
    this.drop(port);
    return sent;
  }

  private drop(port: number): void {
    this.open.get(port)?.close();
    this.open.delete(port);
  }
}

const shown = ({ head, body }: RawAnswer): string => `${head.split('\r\n', 1)[0]} ${body.slice(0, 400)}`;
