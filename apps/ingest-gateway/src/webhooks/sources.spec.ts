import { parseWebhookSources } from './sources';

it('reads sources with their schemes and secrets', () => {
  const sources = parseWebhookSources(
    '{"a":{"scheme":"standard","secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},"b-1":{"scheme":"github","secrets":["0123456789abcdef"]}}',
  );
  expect([...sources.keys()]).toEqual(['a', 'b-1']);
  expect(parseWebhookSources('{}').size).toBe(0);
});

it.each([
  ['no JSON', '{', /must be JSON/],
  ['a list', '[]', /JSON object/],
  ['null', 'null', /JSON object/],
  ['a bad name', '{"A":{"scheme":"github","secrets":["0123456789abcdef"]}}', /not of the form/],
  ['no scheme', '{"a":{"secrets":["0123456789abcdef"]}}', /a\.scheme must be one of/],
  ['another scheme', '{"a":{"scheme":"md5","secrets":["0123456789abcdef"]}}', /a\.scheme must be one of/],
  ['no entry', '{"a":null}', /a\.scheme/],
  ['no secrets', '{"a":{"scheme":"github","secrets":[]}}', /a\.secrets/],
  ['a short secret', '{"a":{"scheme":"github","secrets":["s3cr3t"]}}', /16 bytes/],
  [
    'a standard secret that is no base64',
    '{"a":{"scheme":"standard","secrets":["whsec_!!!!!!!!!!!!!!!!!!!!!!!!"]}}',
    /base64/,
  ],
  ['a standard secret of few bytes', '{"a":{"scheme":"standard","secrets":["whsec_AAAAAAAAAAAAAAAA"]}}', /16 bytes/],
])('refuses %s and shows no secret', (_, text, message) => {
  expect(() => parseWebhookSources(text)).toThrow(message);
  expect(() => parseWebhookSources(text)).toThrow(expect.not.stringContaining('s3cr3t'));
});
