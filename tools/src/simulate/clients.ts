import { ProblemException } from '@millrace/service';
import type { CapturedRequest } from '@millrace/ingest-gateway/simulation';
import type { HistoryEntry, SentItem } from '../checker/history';
import type { Faults } from './faults';
import type { SeededRandom } from './random';
import type { Gateway, Route } from './services';
import type { World } from './world';
import { draw, type Request } from './requests';

export interface ClientsOptions {
  readonly clients: number;
  /** Requests of each, without repetitions. */
  readonly requestsEach: number;
  /** Time within which they are begun, ms. */
  readonly overMs: number;
}

/** Tries of one request, at most; then its sender gives up, and what became of it stays unknown. */
const TRIES_MAX = 12;
const ANSWER_MS_MAX = 15_000;

/** Senders that repeat what was not acknowledged, over a network that loses, repeats and reorders. */
export class Clients {
  readonly history: HistoryEntry[] = [];
  readonly unexpected: string[] = [];
  /** Everything that was ever sent, by key. */
  readonly sent = new Map<string, Request['items'][number]>();
  private readonly earlier: Request[] = [];
  private ops = 0;
  private running = 0;

  constructor(
    private readonly world: World,
    private readonly faults: Faults,
    /** A gateway that is up, or null: nobody listens. */
    private readonly gateway: () => Gateway | null,
  ) {}

  get done(): boolean {
    return this.running === 0;
  }

  start({ clients, requestsEach, overMs }: ClientsOptions): void {
    const random = this.world.random.fork();
    for (let client = 0; client < clients; client++) {
      const own = random.fork();
      this.running++;
      void this.run(client, own, { requestsEach, overMs });
    }
  }

  /** Sends again, from then on, some of what was sent first. */
  startAgain({ clients, requestsEach, overMs }: ClientsOptions, fromMs: number): void {
    const random = this.world.random.fork();
    for (let i = 0; i < clients * requestsEach; i++) {
      this.running++;
      this.world.after(fromMs + random.between(0, overMs), () => {
        const request = random.pick(this.earlier.slice(0, Math.ceil(this.earlier.length / 2)));
        void this.send(request, random).finally(() => this.running--);
      });
    }
  }

  private async run(
    client: number,
    random: SeededRandom,
    { requestsEach, overMs }: Pick<ClientsOptions, 'requestsEach' | 'overMs'>,
  ): Promise<void> {
    for (let n = 0; n < requestsEach; n++) {
      await this.world.pause((random.next() * 2 * overMs) / requestsEach);
      // A producer repeats what it, or another one, has sent before.
      const { earlier } = this;
      const repeats = earlier.length > 0 && random.chance(0.15);
      const request = repeats ? random.pick(earlier) : draw(`c${client}-${n}`, random, this.world.nowMs);
      earlier.push(request);
      for (const item of request.items) this.sent.set(item.sent.key, item);
      await this.send(request, random);
    }
    this.running--;
  }

  private async send(request: Request, random: SeededRandom): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if (this.faults.chance(this.faults.weather.twice)) {
        this.faults.note('twice', 'network');
        void this.operation(request, random);
      }
      const type = await this.operation(request, random);
      // What no answer may take is not sent for ever.
      if (type === 'ok' || (type === 'fail' && request.refused.length === request.items.length && tries > 1)) return;
      await this.world.pause(random.between(100, 1_500) * (tries + 1));
    }
  }

  private async operation(request: Request, random: SeededRandom): Promise<HistoryEntry['type']> {
    const op = ++this.ops;
    const { world } = this;
    const atMs = (): number => Math.floor(world.nowMs);
    const items: SentItem[] = request.items.map(({ sent }) => sent);
    this.history.push({ type: 'invoke', op, route: request.route, atMs: atMs(), items });
    world.trace(`client ${op} ${request.route} ${items.map(({ key }) => key).join(' ')}`);
    const outcome = await this.deliver(request, random);
    // Too late for its sender: nobody takes note of it.
    this.history.push({ ...outcome, op, atMs: atMs(), ...(outcome.type === 'ok' && { refused: request.refused }) });
    world.trace(`client ${op} ${outcome.type} ${outcome.status ?? ''}`);
    return outcome.type;
  }

  private async deliver(
    request: Request,
    random: SeededRandom,
  ): Promise<{ type: 'ok' | 'fail' | 'info'; status?: number; replayed?: boolean }> {
    await this.world.pause(random.between(0.2, random.chance(0.05) ? 400 : 3));
    if (this.faults.chance(this.faults.weather.lost / 2)) {
      this.faults.note('lost request', 'network');
      await this.world.pause(ANSWER_MS_MAX);
      return { type: 'info' };
    }
    const gateway = this.gateway();
    // Nobody listens: the connection is refused.
    if (!gateway) return { type: 'fail', status: 502 };
    const answer = this.answerOf(gateway[request.route](request.captured), request);
    const late = this.world.pause(ANSWER_MS_MAX).then(() => ({ type: 'info' as const }));
    const outcome = await Promise.race([answer, late]);
    if (this.faults.chance(this.faults.weather.lost)) {
      this.faults.note('lost answer', 'network');
      return { type: 'info' };
    }
    return outcome;
  }

  /** What is told of each item has to be so. */
  private lookAt(text: string, { route, items, refused }: Request): void {
    const told = refusedIn(text);
    if (String(told) === String(refused)) return;
    const named = (indexes: readonly number[]): string => indexes.map((i) => items[i]?.sent.key).join(' ') || 'nothing';
    this.unexpected.push(`${route} refused ${named(told)} where ${named(refused)} was to be refused`);
  }

  private async answerOf(
    answering: Promise<{ status: number; text: string; headers?: Readonly<Record<string, string>> }>,
    request: Request,
  ): Promise<{ type: 'ok' | 'fail' | 'info'; status?: number; replayed?: boolean }> {
    try {
      const { status, text, headers } = await answering;
      this.lookAt(text, request);
      return { type: 'ok', status, replayed: headers?.['idempotency-replayed'] === 'true' };
    } catch (error) {
      if (error instanceof ProblemException) {
        const { status } = error;
        // What a refusal says of what was taken is believed: it is part of what is checked.
        const unknown = status === 503 && /^It is unknown/.test(String(error.problem.detail));
        return { type: unknown ? 'info' : 'fail', status };
      }
      const { code } = error as { code?: string };
      if (code === 'IDEMPOTENCY_UNAVAILABLE') return { type: 'fail', status: 503 };
      if (code !== 'INJECTED') this.unexpected.push(String((error as Error).stack ?? error));
      return { type: 'info', status: 500 };
    }
  }
}

/** Indexes of the items that an answer says it refused. */
const refusedIn = (text: string): number[] =>
  ((JSON.parse(text) as { items?: { index: number; status: string }[] }).items ?? [])
    .filter(({ status }) => status === 'refused')
    .map(({ index }) => index);

export type { CapturedRequest, Route };
