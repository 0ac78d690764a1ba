import { FakeMillrace } from '../../testing/fake-millrace';
import { attemptOf } from './answer';
import { createHttpTarget } from './client';

const ITEMS = [{ bytes: Buffer.from('{"a":1}'), key: 'k' }];

describe('an answer', () => {
  const of = (status: number, detail = '', retryAfter: string | null = null) =>
    attemptOf({ status, retryAfter, text: JSON.stringify({ detail }) });

  it('of 2xx acknowledges, and says what is quarantined', () => {
    const text = '{"accepted":3,"quarantined":2,"items":[]}';
    expect(attemptOf({ status: 202, retryAfter: null, text })).toEqual({ outcome: 'acknowledged', quarantined: 2 });
    expect(attemptOf({ status: 200, retryAfter: null, text: 'ok' })).toEqual({
      outcome: 'acknowledged',
      quarantined: null,
    });
  });

  it.each([
    // What the gateway says when it has stored nothing, and when it does not know.
    [503, 'The log is full. Nothing of this request was taken.', true, false],
    [503, 'It is unknown whether this request was stored. Repeat it with the same event ids.', true, true],
    // Somebody between us and it: anything may have happened.
    [503, '', true, true],
    [502, '', true, true],
    [504, '', true, true],
    [500, '', true, true],
    [429, '', true, false],
    [409, '', true, false],
    [400, '', false, false],
    [401, '', false, false],
    [413, '', false, false],
  ])('of %i %j: again %s, may be stored %s', (status, detail, canRetry, mayBeStored) => {
    expect(of(status, detail)).toMatchObject({ outcome: 'failed', canRetry, mayBeStored });
  });

  it.each([
    ['5', 5_000],
    ['0', 0],
    ['999999', 60_000],
    ['Wed, 21 Oct 2026 07:28:00 GMT', null],
    [null, null],
  ])('with Retry-After %j: %j ms', (header, retryAfterMs) => {
    expect(of(503, '', header)).toMatchObject({ retryAfterMs });
  });
});

describe('a target that cannot answer', () => {
  let millrace: FakeMillrace;
  let url: string;
  beforeEach(async () => {
    millrace = new FakeMillrace();
    url = await millrace.start();
  });
  afterEach(() => millrace.stop());
  const target = (requestMsMax = 5_000) => createHttpTarget({ url, requestMsMax, connectionsMax: 2 });

  it('was not reached where nobody listens: nothing is stored', async () => {
    millrace.stop();
    expect(await target().send(ITEMS, null)).toMatchObject({
      canRetry: true,
      mayBeStored: false,
      reason: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('may have stored what it broke off over', async () => {
    millrace.answer = () => ({ status: 0 });
    expect(await target().send(ITEMS, null)).toMatchObject({ canRetry: true, mayBeStored: true });
  });

  it('is not waited for longer than it may take, nor once the caller is gone', async () => {
    millrace.answer = () => ({ status: -1 });
    expect(await target(50).send(ITEMS, null)).toMatchObject({
      canRetry: true,
      mayBeStored: true,
      reason: expect.stringContaining('no answer within 50 ms'),
    });
    const abort = new AbortController();
    const sending = target().send(ITEMS, null, abort.signal);
    while (millrace.seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    abort.abort();
    expect(await sending).toMatchObject({ outcome: 'failed', mayBeStored: true });
  });

  it('keeps its connections', async () => {
    const kept = target();
    for (let i = 0; i < 5; i++) await kept.send(ITEMS, null);
    expect(millrace.connections).toBe(1);
    await kept.stop();
  });
});
