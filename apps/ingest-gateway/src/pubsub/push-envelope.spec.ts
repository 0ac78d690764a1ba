import fc from 'fast-check';
import { readPushEnvelope } from './push-envelope';

const read = (value: unknown) => readPushEnvelope(Buffer.from(JSON.stringify(value)));

it('gives back any data and attributes, whatever stands beside them', () => {
  const text = fc.string({ unit: 'grapheme' });
  const name = text.filter((each) => each !== '__proto__');
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.dictionary(name, text),
      fc.jsonValue({ maxDepth: 5 }),
      (data, attributes, more) => {
        const bytes = Buffer.from(data);
        const message = { more, data: bytes.toString('base64'), attributes, messageId: '1' };
        const envelope = JSON.stringify({ subscription: 's', message });
        if (envelope.includes('__proto__')) return;
        const found = readPushEnvelope(Buffer.from(envelope));
        expect(found.data).toEqual(bytes);
        expect(found.attributes).toEqual({ ...attributes });
      },
    ),
  );
});

it('reads escaped slashes and URL-safe data', () => {
  expect(readPushEnvelope(Buffer.from('{"message":{"data":"\\/\\/8="}}')).data).toEqual(Buffer.from([0xff, 0xff]));
  expect(read({ message: { data: '__8' } }).data).toEqual(Buffer.from([0xff, 0xff]));
});

it('refuses anything else with 400, and never with another error', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
    fc.jsonValue().map((value) => Buffer.from(JSON.stringify({ message: value }))),
    fc
      .tuple(fc.jsonValue(), fc.jsonValue())
      .map(([data, attributes]) => Buffer.from(JSON.stringify({ message: { data, attributes } }))),
  );
  fc.assert(
    fc.property(anything, (body) => {
      try {
        readPushEnvelope(body);
      } catch (error) {
        expect(error).toMatchObject({
          name: 'ProblemException',
          status: 400,
          problem: { errors: [expect.anything()] },
        });
      }
    }),
    { numRuns: 1_000 },
  );
});
