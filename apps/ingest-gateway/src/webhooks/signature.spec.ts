import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { signatureFault } from './signature';

const body = Buffer.from('{"type":"user.created"}');
const now = 1_700_000_000_000;
const lookup = (headers: Record<string, string>) => (name: string) => headers[name];

// The example secret and message of the Standard Webhooks specification's libraries.
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const standard = (id: string, seconds: number, key = secret, signed: Buffer = body) => ({
  'webhook-id': id,
  'webhook-timestamp': String(seconds),
  'webhook-signature': `v1,${createHmac('sha256', Buffer.from(key.slice(6), 'base64'))
    .update(`${id}.${seconds}.`)
    .update(signed)
    .digest('base64')}`,
});

test('Standard Webhooks: the specification’s own example verifies', () => {
  const payload = Buffer.from('{"test": 2432232314}');
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };
  expect(
    signatureFault({ scheme: 'standard', secrets: [secret] }, lookup(headers), payload, 1_614_265_330_000),
  ).toBeNull();
});

test.each([
  ['a tampered body', standard('m', now / 1000), Buffer.from('{}'), /does not match/],
  ['another secret', standard('m', now / 1000, 'whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'), body, /does not match/],
  ['an old timestamp', standard('m', now / 1000 - 301), body, /more than 300 s/],
  ['a future timestamp', standard('m', now / 1000 + 301), body, /more than 300 s/],
  ['a missing signature', { 'webhook-id': 'm', 'webhook-timestamp': String(now / 1000) }, body, /required/],
  ['a timestamp that is no number', { ...standard('m', 1), 'webhook-timestamp': '1e9' }, body, /Unix seconds/],
])('Standard Webhooks: %s is refused', (_name, headers, signed, fault) => {
  expect(
    signatureFault({ scheme: 'standard', secrets: [secret] }, lookup(headers as Record<string, string>), signed, now),
  ).toMatchObject({ detail: expect.stringMatching(fault) });
});

test('a rotated secret verifies beside the new one, and any of several signatures may match', () => {
  const headers = standard('m', now / 1000);
  const both = { ...headers, 'webhook-signature': `v1,AAAA v2,xx ${headers['webhook-signature']}` };
  expect(
    signatureFault(
      { scheme: 'standard', secrets: ['whsec_bmV3IHNlY3JldCBuZXcgc2VjcmV0', secret] },
      lookup(both),
      body,
      now,
    ),
  ).toBeNull();
});

test('GitHub: the documentation’s example verifies, others do not', () => {
  const source = { scheme: 'github' as const, secrets: ["It's a Secret to Everybody"] };
  const header = { 'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17' };
  expect(signatureFault(source, lookup(header), Buffer.from('Hello, World!'), now)).toBeNull();
  expect(signatureFault(source, lookup(header), Buffer.from('Hello, World?'), now)).toMatchObject({
    rule: 'signature',
  });
  expect(signatureFault(source, lookup({}), Buffer.from('Hello, World!'), now)).toMatchObject({ rule: 'required' });
});

test('Stripe: signed time and body must hold', () => {
  const source = { scheme: 'stripe' as const, secrets: ['whsec_stripe_secret_value'] };
  const sign = (t: number) =>
    `t=${t},v1=${createHmac('sha256', source.secrets[0]).update(`${t}.`).update(body).digest('hex')},v0=old`;
  expect(signatureFault(source, lookup({ 'stripe-signature': sign(now / 1000) }), body, now)).toBeNull();
  expect(signatureFault(source, lookup({ 'stripe-signature': sign(now / 1000 - 400) }), body, now)).toMatchObject({
    rule: 'timestamp',
  });
});

test('no header makes the check throw', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('standard' as const, 'github' as const, 'stripe' as const),
      fc.dictionary(fc.string(), fc.string()),
      fc.string(),
      (scheme, headers, value) => {
        const all = {
          ...headers,
          'webhook-id': value,
          'webhook-timestamp': value,
          'webhook-signature': value,
          'stripe-signature': value,
          'x-hub-signature-256': value,
        };
        expect(signatureFault({ scheme, secrets: ['0123456789abcdef'] }, lookup(all), body, now)).not.toBeNull();
      },
    ),
  );
});
