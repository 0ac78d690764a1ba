import { contractIndexPath, contractVersionPath } from '@millrace/contracts';
import { type AuditRecord, type ContractsChanged, TOPICS } from '@millrace/topics';
import { parse } from 'yaml';
import { until } from '../testing/rig';
import { RunningService } from '../testing/running-service';
import { OPTIONAL_NOTE, orders, REQUIRED_NOTE } from '../testing/sample-contract';

const YAML = { 'content-type': 'application/yaml' };

let service: RunningService;
let audit: AuditRecord[];
let changed: ContractsChanged[];

beforeAll(async () => {
  service = await RunningService.start();
  audit = await service.listen(TOPICS.audit.name);
  changed = await service.listen(TOPICS.contractsChanged.name);
});
afterAll(() => service?.stop());

const publish = (text: string, type = YAML) => service.call('POST', '/v1/contracts', text, type);
const audited = (of: string) =>
  audit.filter(({ subject }) => subject.startsWith(of)).map(({ action, subject, actor }) => [action, subject, actor]);

test('a contract is published, told of and audited once, and shown as it came', async () => {
  const first = await publish(orders('1.0.0'));
  expect(first).toMatchObject({
    status: 201,
    json: {
      name: 'orders',
      version: '1.0.0',
      index: 2,
      changed: true,
      verdict: { compatible: true, mode: 'BACKWARD' },
    },
  });
  expect(await publish(orders('1.0.0'))).toMatchObject({ status: 200, json: { index: 2, changed: false } });
  // The same document, written as JSON, is the same version.
  expect(await publish(JSON.stringify(parse(orders('1.0.0'))), { 'content-type': 'application/json' })).toMatchObject({
    status: 200,
    json: { changed: false },
  });
  await until(() => changed.some(({ index }) => index === 2) && audited('orders@1.0.0').length > 0);
  expect(audited('orders@')).toEqual([['contracts.published', 'orders@1.0.0', 'local']]);
  const shown = await service.call('GET', '/v1/contracts/orders');
  expect(shown.type).toContain('application/yaml');
  expect(shown.text).toBe(orders('1.0.0'));
  const json = await service.call('GET', '/v1/contracts/orders', undefined, { accept: 'application/json' });
  expect(json.json).toEqual(parse(orders('1.0.0')));
  const listed = (await service.call('GET', '/v1/contracts')).json;
  expect(listed.rows).toContainEqual(
    expect.objectContaining({ name: 'orders', version: '1.0.0', compatibility: 'BACKWARD', aliases: {} }),
  );
});

test('the same version with another content is refused', async () => {
  const answer = await publish(orders('1.0.0', { properties: OPTIONAL_NOTE }));
  expect(answer).toMatchObject({ status: 409, type: expect.stringContaining('application/problem+json') });
  expect(answer.json).toMatchObject({ reason: 'version_exists' });
});

test.each(['one', 'v', 'O.9', '1.x', '1..0'])(
  'the version %s, after which none could come, is refused',
  async (version) => {
    const answer = await publish(orders(version, { name: 'unordered' }));
    expect(answer).toMatchObject({
      status: 400,
      json: { errors: [{ path: '$.version', detail: expect.stringContaining('numbers with dots') }] },
    });
  },
);

test('an incompatible version is refused with the whole explanation, and check says the same', async () => {
  const next = orders('1.1.0', { properties: REQUIRED_NOTE });
  const refused = await publish(next);
  expect(refused.status).toBe(409);
  expect(refused.json).toMatchObject({
    reason: 'incompatible',
    errors: [{ path: '$.payload.note', rule: 'field_required' }],
    verdict: { compatible: false, mode: 'BACKWARD', against: [{ version: '1.0.0' }] },
  });
  const [finding] = refused.json.verdict.against[0].findings;
  expect(finding).toMatchObject({ breaks: 'backward', suggestion: expect.any(String) });
  expect(finding.counterExample.value).not.toHaveProperty('note');
  const checked = await service.call('POST', '/v1/contracts/orders/check', next, YAML);
  expect(checked).toMatchObject({ status: 200, json: refused.json.verdict });
  const forward = await service.call('POST', '/v1/contracts/orders/check?mode=FORWARD', next, YAML);
  expect(forward.json).toMatchObject({ compatible: true, mode: 'FORWARD' });
  // Nothing of it is there.
  expect((await service.call('GET', '/v1/contracts/orders/versions/1.1.0')).status).toBe(404);
  expect(await service.lake.storage.stat(contractVersionPath('orders', '1.1.0'))).toBeNull();
});

test('a compatible version takes effect, an older one is refused, and both modes and aliases are moved and audited', async () => {
  expect((await publish(orders('1.1.0', { properties: OPTIONAL_NOTE }))).status).toBe(201);
  expect((await publish(orders('1.0.5'))).json).toMatchObject({ status: 409, reason: 'version_not_newer' });
  const alias = (version: string) => service.call('PUT', '/v1/contracts/orders/aliases/stable', { version });
  expect((await alias('1.0.0')).json).toEqual({ name: 'orders', alias: 'stable', version: '1.0.0', changed: true });
  expect((await alias('1.0.0')).json).toMatchObject({ changed: false });
  expect((await service.call('GET', '/v1/contracts/orders/versions/stable')).text).toBe(orders('1.0.0'));
  expect((await alias('1.1.0')).json).toMatchObject({ changed: true });
  expect((await service.call('GET', '/v1/contracts/orders/versions')).json.rows).toEqual([
    { name: 'orders', version: '1.0.0', inForce: false, aliases: [] },
    { name: 'orders', version: '1.1.0', inForce: true, aliases: ['stable'] },
  ]);
  expect((await alias('9.9.9')).status).toBe(404);
  expect((await service.call('PUT', '/v1/contracts/orders/aliases/1.0.0', { version: '1.1.0' })).status).toBe(400);
  expect((await service.call('PUT', '/v1/contracts/orders/compatibility', { mode: 'NONE' })).json).toMatchObject({
    mode: 'NONE',
    changed: true,
  });
  // Aliases and mode belong to the contract, so they outlive a version.
  expect((await publish(orders('2.0.0', { properties: REQUIRED_NOTE }))).status).toBe(201);
  expect((await service.call('GET', '/v1/contracts/orders/compatibility')).json).toEqual({
    name: 'orders',
    mode: 'NONE',
  });
  expect((await service.call('GET', '/v1/contracts/orders/aliases')).json.rows).toEqual([
    { name: 'orders', alias: 'stable', version: '1.1.0' },
  ]);
  expect((await service.call('DELETE', '/v1/contracts/orders/aliases/stable')).status).toBe(204);
  expect((await service.call('DELETE', '/v1/contracts/orders/aliases/stable')).status).toBe(404);
  await until(() => audited('orders@stable').length === 3);
  expect(audited('orders').map(([action, subject]) => `${action} ${subject}`)).toEqual([
    'contracts.published orders@1.0.0',
    'contracts.published orders@1.1.0',
    'contracts.alias_set orders@stable',
    'contracts.alias_set orders@stable',
    'contracts.compatibility_set orders',
    'contracts.published orders@2.0.0',
    'contracts.alias_removed orders@stable',
  ]);
});

test('JSON Schema and Avro are proposed and shown, and what they have no word for is listed', async () => {
  await publish(orders('1.0.0', { name: 'formats' }));
  const show = (query: string, accept?: string) =>
    service.call('GET', `/v1/contracts/formats${query}`, undefined, accept ? { accept } : {});
  const schema = await show('?format=jsonschema');
  expect(schema.type).toContain('application/schema+json');
  expect(schema.json).toMatchObject({
    type: 'object',
    required: ['order_id'],
    properties: { order_id: { type: 'string', maxLength: 64 } },
  });
  const avro = await show('', 'application/vnd.apache.avro+json');
  expect(avro.json).toMatchObject({
    type: 'record',
    name: 'formats',
    fields: [{ name: 'order_id' }, { name: 'total' }],
  });
  const lossy = (await show('?format=avro&losses=true')).json;
  expect(lossy.losses).toContainEqual(expect.objectContaining({ path: expect.stringContaining('order_id') }));
  expect((await show('?format=xml')).status).toBe(400);

  // What was shown comes back as the same contract, under whatever version it is given.
  for (const [version, body, type] of [
    ['1.0.1', schema.text, 'application/schema+json'],
    ['1.0.2', avro.text, 'application/vnd.apache.avro+json'],
  ]) {
    const back = await service.call('PUT', `/v1/contracts/formats?version=${version}`, body, { 'content-type': type });
    expect([version, back.status]).toEqual([version, 201]);
    const now = (await show('', 'application/json')).json;
    expect(now).toEqual({ ...parse(orders(version, { name: 'formats' })) });
  }
  // A schema of somebody else brings fields; event types and the rest stay.
  const foreign = {
    type: 'object',
    required: ['order_id'],
    properties: { order_id: { type: 'string' }, extra: { type: 'integer' } },
  };
  const json = { 'content-type': 'application/schema+json' };
  const put = (query: string) => service.call('PUT', `/v1/contracts/formats${query}`, foreign, json);
  expect((await put('')).json).toMatchObject({ status: 400, errors: [{ path: 'query.version' }] });
  expect((await service.call('POST', '/v1/contracts/formats/check?version=1.1.0', foreign, json)).json).toMatchObject({
    mode: 'BACKWARD',
  });
  expect((await put('?version=1.1.0')).status).toBe(201);
  expect((await show('', 'application/json')).json).toMatchObject({
    customProperties: parse(orders('1.1.0', { name: 'formats' })).customProperties,
    schema: [{ physicalName: 'formats', properties: [{ name: 'order_id' }, { name: 'extra' }] }],
  });
  const broken = await service.call('PUT', '/v1/contracts/formats?version=2.0.0', '{"type":"nonsense"}', {
    'content-type': 'application/vnd.apache.avro+json',
  });
  expect(broken).toMatchObject({ status: 400, type: expect.stringContaining('problem+json') });
});

test('what no index may say is refused whatever the mode: a claimed event type, a column of another type', async () => {
  const thief = orders('1.0.0', { name: 'thief' }).replace('[thief.placed]', '[orders.placed]');
  expect((await publish(thief)).json).toMatchObject({ status: 409, reason: 'claimed' });
  const changedType = orders('3.0.0', { properties: '      - { name: note, logicalType: integer }' });
  expect((await publish(changedType)).json).toMatchObject({ status: 409, reason: 'column_type' });
});

const bad = (options: string): string => orders('1.0.0', { name: 'bad' }).replace('minLength: 1', () => options);
const MANY = Array.from({ length: 10_000 }, (_, i) => `      - { name: f${i}, logicalType: string }`).join('\n');

test.each([
  ['10,000 fields', orders('1.0.0', { name: 'bad', properties: MANY }), 'schema[0].properties'],
  ['a pattern that looks ahead', bad(`pattern: '^(?=(a+)+$)b'`), 'schema[0].properties[0].logicalTypeOptions.pattern'],
  ['a pattern that looks back', bad(`pattern: '^(a+)\\1+$'`), 'schema[0].properties[0].logicalTypeOptions.pattern'],
  ['a pattern that explodes', bad(`pattern: '^(a+)+$'`), '$.schema[0].properties[0].logicalTypeOptions.pattern'],
  ['a pattern of a million states', bad(`pattern: '((a{1,99}){1,99}){1,99}'`), 'logicalTypeOptions.pattern'],
  ['an unknown key in a rule', bad('minimumLength: 1'), 'schema[0].properties[0].logicalTypeOptions'],
  ['an alias of itself', orders('1.0.0', { name: 'bad' }).replace('schema:', 'tags: &t [*t]\nschema:'), '$.tags[0]'],
  ['an unknown key', orders('1.0.0', { name: 'bad' }).replace('status: active', 'status: active\nowner: me'), 'owner'],
  ['a bad pattern', orders('1.0.0', { name: 'bad' }).replace('minLength: 1', 'pattern: "(a"'), 'pattern'],
  ['no YAML', 'a: [', ''],
  ['nesting without end', '['.repeat(1_000_000), ''],
  ['nesting in a list of lists', '- '.repeat(500_000), ''],
  ['aliases that unfold', `a: &a [x,x]\n${Array.from({ length: 200 }, () => 'b: *a').join('\n')}`, ''],
  ['nothing', ' ', ''],
])('%s is no contract, and the answer names the place', async (_what, text, place) => {
  for (const route of ['/v1/contracts', '/v1/contracts/bad/check']) {
    const answer = await service.call('POST', route, text, YAML);
    expect([route, answer.status]).toEqual([route, 400]);
    expect(answer.type).toContain('application/problem+json');
    expect(answer.json.errors[0].path).toContain(place);
  }
});

const AVRO = 'application/vnd.apache.avro+json';
const SCHEMA = 'application/schema+json';
const ofFields = (properties: object): object => ({ type: 'object', properties });

test.each<[string, string, object, string]>([
  ['contains itself', SCHEMA, ofFields({ next: { $ref: '#' } }), '$.next'],
  [
    'refers to itself',
    SCHEMA,
    { $ref: '#/definitions/a', definitions: { a: { $ref: '#/definitions/a' } } },
    '#/definitions/a',
  ],
  ['refers to nothing', SCHEMA, ofFields({ a: { $ref: '#/definitions/a' } }), '#/properties/a/$ref'],
  ['has no pattern', SCHEMA, ofFields({ a: { type: 'string', pattern: '(' } }), '#/properties/a/pattern'],
  ['looks ahead', SCHEMA, ofFields({ a: { pattern: '(?=a)a' } }), '#/properties/a/pattern'],
  [
    'has 10,000 fields',
    SCHEMA,
    ofFields(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, {}]))),
    '#/properties',
  ],
  [
    'is an endless record',
    AVRO,
    { type: 'record', name: 'a', fields: [{ name: 'next', type: ['null', 'a'] }] },
    '$.next',
  ],
])('a schema that %s is no contract, and the answer names the place', async (_what, type, schema, place) => {
  for (const [method, route] of [
    ['PUT', '/v1/contracts/bad?version=1.0.0'],
    ['POST', '/v1/contracts/bad/check?version=1.0.0'],
  ] as const) {
    const answer = await service.call(method, route, schema, { 'content-type': type });
    expect([route, answer.status]).toEqual([route, 400]);
    expect(answer.type).toContain('application/problem+json');
    expect(answer.json.errors[0].path.slice(0, place.length)).toBe(place);
  }
});

test('a body of another contract, and what is no body at all, are refused', async () => {
  const other = await service.call('PUT', '/v1/contracts/other', orders('9.0.0'), YAML);
  expect(other).toMatchObject({ status: 400, json: { errors: [{ path: '$.name' }] } });
  expect((await service.call('POST', '/v1/contracts', '[]')).status).toBe(400);
  expect((await service.call('POST', '/v1/contracts', 'x', { 'content-type': 'text/plain' })).status).toBe(415);
  expect((await service.call('POST', '/v1/contracts')).status).toBe(400);
  expect((await service.call('PUT', '/v1/contracts/none/compatibility', { mode: 'FULL' })).status).toBe(404);
  expect((await service.call('PUT', '/v1/contracts/orders/compatibility', { mode: 'SOME' })).status).toBe(400);
});

test('of many who publish at once each index has one change, and nothing is lost', async () => {
  const before = (await service.call('GET', '/v1/contracts')).json.index as number;
  const names = Array.from({ length: 8 }, (_, i) => `many_${i}`);
  const answers = await Promise.all(names.map((name) => publish(orders('1.0.0', { name }))));
  expect(answers.map(({ status }) => status)).toEqual(names.map(() => 201));
  const listed = (await service.call('GET', '/v1/contracts')).json;
  expect(listed.index).toBe(before + names.length);
  expect(listed.rows.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(names));
  expect(await service.lake.storage.stat(contractIndexPath(before + names.length + 1))).toBeNull();
  await until(() => names.every((name) => audited(`${name}@`).length === 1));
});
