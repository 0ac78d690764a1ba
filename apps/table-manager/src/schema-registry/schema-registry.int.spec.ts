import { SchemaRegistry as Client, SchemaType } from '@kafkajs/confluent-schema-registry';
import { compileWireSchema, decodeSchemaFile, decodeWireFormat, schemaFilePath } from '@millrace/envelope/wire-format';
import { RunningService } from '../testing/running-service';
import { OPTIONAL_NOTE, orders } from '../testing/sample-contract';

const TYPE = 'application/vnd.schemaregistry.v1+json';
const ORDER = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'order_id', type: 'string' },
    { name: 'total', type: 'double', default: 0 },
  ],
};
const withField = (field: object) => ({ ...ORDER, fields: [...ORDER.fields, field] });
const NOTE = withField({ name: 'note', type: ['null', 'string'], default: null });
const REQUIRED = withField({ name: 'must', type: 'string' });

let service: RunningService;
beforeAll(async () => {
  service = await RunningService.start();
});
afterAll(() => service?.stop());

const ask = (method: string, route: string, body?: object) =>
  service.call(method, `/registry${route}`, body, body ? { 'content-type': TYPE } : {});
const register = (subject: string, schema: unknown, schemaType?: string) =>
  ask('POST', `/subjects/${subject}/versions`, { schema: JSON.stringify(schema), ...(schemaType && { schemaType }) });
/** Status and code of a refusal, which has nothing else than a message beside them. */
const refusal = async (answer: Promise<{ status: number; type: string | null; json: Record<string, unknown> }>) => {
  const { status, type, json } = await answer;
  expect(type).toContain(TYPE);
  expect(Object.keys(json)).toEqual(['error_code', 'message']);
  return [status, json.error_code];
};

test('an ordinary client registers, encodes and decodes, and curation’s decoder reads what it wrote', async () => {
  const client = new Client({ host: `${service.url}/registry` });
  const { id } = await client.register(
    { type: SchemaType.AVRO, schema: JSON.stringify(ORDER) },
    { subject: 'kafka-value' },
  );
  const message = await client.encode(id, { order_id: 'o-1', total: 12.5 });
  expect(await client.decode(message)).toEqual({ order_id: 'o-1', total: 12.5 });
  expect(await new Client({ host: `${service.url}/registry` }).decode(message)).toEqual({
    order_id: 'o-1',
    total: 12.5,
  });
  expect(await client.getLatestSchemaId('kafka-value')).toBe(id);
  expect(await client.getRegistryId('kafka-value', 1)).toBe(id);

  const file = decodeSchemaFile(await service.lake.storage.get(schemaFilePath(id)));
  const schema = compileWireSchema(file);
  const decoded = decodeWireFormat(message, (asked) => (asked === id ? schema : undefined));
  expect(decoded.ok && JSON.parse(decoded.json.toString())).toEqual({ order_id: 'o-1', total: 12.5 });

  const json = { type: 'object', properties: { order_id: { type: 'string' } }, required: ['order_id'] };
  const registered = await client.register(
    { type: SchemaType.JSON, schema: JSON.stringify(json) },
    { subject: 'kafka-json' },
  );
  const other = await client.encode(registered.id, { order_id: 'o-2' });
  expect(await client.decode(other)).toEqual({ order_id: 'o-2' });
  const text = decodeWireFormat(other, () => compileWireSchema({ id: registered.id, type: 'JSON', text: '{}' }));
  expect(text.ok && text.json.toString()).toBe('{"order_id":"o-2"}');
});

test('a schema has one id wherever and however it is written, and an id one schema', async () => {
  const first = await register('ids-a', ORDER);
  expect(first).toMatchObject({ status: 200, type: expect.stringContaining(TYPE) });
  const { id } = first.json as { id: number };
  const otherwise = `{ "fields": ${JSON.stringify(ORDER.fields)}, "namespace":"shop", "name":"Order", "type":"record" }`;
  expect((await ask('POST', '/subjects/ids-b/versions', { schema: otherwise })).json).toEqual({ id });
  expect((await register('ids-a', ORDER)).json).toEqual({ id });
  expect((await ask('GET', '/subjects/ids-a/versions')).json).toEqual([1]);
  expect((await register('ids-c', { type: 'string' })).json).toEqual((await register('ids-d', 'string')).json);
  expect((await ask('GET', `/schemas/ids/${id}`)).json).toEqual({ schema: JSON.stringify(ORDER) });
  expect((await ask('GET', `/schemas/ids/${id}/versions`)).json).toEqual(
    expect.arrayContaining([
      { subject: 'ids-a', version: 1 },
      { subject: 'ids-b', version: 1 },
    ]),
  );
  const next = (await register('ids-a', NOTE)).json as { id: number };
  expect(next.id).not.toBe(id);
  expect((await ask('GET', '/subjects/ids-a/versions/latest')).json).toEqual({
    ...{ subject: 'ids-a', id: next.id, version: 2, schema: JSON.stringify(NOTE) },
  });
  expect((await ask('GET', '/subjects/ids-a/versions/1/schema')).json).toEqual(ORDER);
  expect((await ask('POST', '/subjects/ids-a', { schema: otherwise })).json).toMatchObject({ id, version: 1 });
});

test('those who register at once get small ids, each its own, without a gap', async () => {
  const before = Number(
    ((await register('many-first', { type: 'fixed', name: 'F', size: 1 })).json as { id: number }).id,
  );
  const schemas = Array.from({ length: 12 }, (_, i) => ({ type: 'fixed', name: `F${i % 6}`, size: (i % 6) + 2 }));
  const answers = await Promise.all(schemas.map((schema, i) => register(`many-${i}`, schema)));
  const ids = answers.map(({ json }) => json.id as number);
  expect([...new Set(ids)].sort((a, b) => a - b)).toEqual(Array.from({ length: 6 }, (_, i) => before + 1 + i));
  for (let i = 0; i < 6; i++) expect(ids[i]).toBe(ids[i + 6]);
});

test('an id of a change that was never committed is never given to another schema', async () => {
  const { id } = (await register('orphan', { type: 'fixed', name: 'Before', size: 3 })).json as { id: number };
  await service.lake.storage.createIfAbsent(
    schemaFilePath(id + 1),
    Buffer.from('{"id":0,"type":"AVRO","text":"lost"}\n'),
  );
  expect((await register('orphan-next', { type: 'fixed', name: 'After', size: 3 })).json).toEqual({ id: id + 2 });
});

test('what is not compatible is refused by the level of the subject, and explained', async () => {
  await register('levels', ORDER);
  const refused = await register('levels', REQUIRED);
  expect([refused.status, refused.json.error_code]).toEqual([409, 409]);
  expect(refused.json.message).toContain('must');
  const test = (query = '') =>
    ask('POST', `/compatibility/subjects/levels/versions/latest${query}`, { schema: JSON.stringify(REQUIRED) });
  expect((await test()).json).toEqual({ is_compatible: false });
  expect((await test('?verbose=true')).json).toMatchObject({
    is_compatible: false,
    messages: [expect.stringContaining('must')],
  });
  expect((await ask('POST', '/compatibility/subjects/levels/versions', { schema: JSON.stringify(NOTE) })).json).toEqual(
    {
      is_compatible: true,
    },
  );
  expect((await ask('GET', '/config')).json).toEqual({ compatibilityLevel: 'BACKWARD' });
  expect(await refusal(ask('GET', '/config/levels'))).toEqual([404, 40408]);
  expect((await ask('PUT', '/config/levels', { compatibility: 'FORWARD' })).json).toEqual({ compatibility: 'FORWARD' });
  expect((await register('levels', REQUIRED)).status).toBe(200);
  expect((await ask('GET', '/config/levels')).json).toEqual({ compatibilityLevel: 'FORWARD' });
  expect(await refusal(ask('PUT', '/config/levels', { compatibility: 'SOME' }))).toEqual([422, 42203]);
  await ask('DELETE', '/config/levels');
  expect((await ask('GET', '/config/levels?defaultToGlobal=true')).json).toEqual({ compatibilityLevel: 'BACKWARD' });
});

test('a subject that is read only takes nothing', async () => {
  await register('mode', ORDER);
  expect((await ask('PUT', '/mode/mode', { mode: 'READONLY' })).json).toEqual({ mode: 'READONLY' });
  expect(await refusal(register('mode', NOTE))).toEqual([422, 42205]);
  expect((await register('mode', ORDER)).status).toBe(200);
  expect((await ask('GET', '/mode')).json).toEqual({ mode: 'READWRITE' });
  expect(await refusal(ask('PUT', '/mode', { mode: 'SOME' }))).toEqual([422, 42204]);
  await ask('DELETE', '/mode/mode');
  expect((await register('mode', NOTE)).status).toBe(200);
});

test('deletion is soft first, for good afterwards, and an id stays with its schema', async () => {
  const { id } = (await register('gone', { type: 'fixed', name: 'Gone', size: 9 })).json as { id: number };
  expect(await refusal(ask('DELETE', '/subjects/gone?permanent=true'))).toEqual([404, 40405]);
  expect(await refusal(ask('DELETE', '/subjects/gone/versions/1?permanent=true'))).toEqual([404, 40407]);
  expect((await ask('DELETE', '/subjects/gone')).json).toEqual([1]);
  expect(await refusal(ask('DELETE', '/subjects/gone'))).toEqual([404, 40404]);
  expect(await refusal(ask('GET', '/subjects/gone/versions'))).toEqual([404, 40401]);
  expect((await ask('GET', '/subjects/gone/versions?deleted=true')).json).toEqual([1]);
  // Messages that were written under it are still read.
  expect((await ask('GET', `/schemas/ids/${id}`)).status).toBe(200);
  expect((await ask('GET', '/subjects')).json).not.toContain('gone');
  expect((await ask('GET', '/subjects?deleted=true&subjectPrefix=gon')).json).toEqual(['gone']);
  // Registered again it is the next version of the same schema.
  expect((await register('gone', { type: 'fixed', name: 'Gone', size: 9 })).json).toEqual({ id });
  expect((await ask('GET', '/subjects/gone/versions')).json).toEqual([2]);
  expect((await ask('DELETE', '/subjects/gone/versions/latest')).json).toBe(2);
  expect((await ask('DELETE', '/subjects/gone?permanent=true')).json).toEqual([1, 2]);
  expect(await refusal(ask('GET', `/schemas/ids/${id}`))).toEqual([404, 40403]);
  expect((await register('gone', { type: 'fixed', name: 'Gone', size: 9 })).json).toEqual({ id });
});

test('every refusal has the code that clients look at', async () => {
  await register('codes', ORDER);
  expect(await refusal(ask('GET', '/subjects/nobody/versions'))).toEqual([404, 40401]);
  expect(await refusal(ask('GET', '/subjects/codes/versions/7'))).toEqual([404, 40402]);
  expect(await refusal(ask('GET', '/subjects/codes/versions/x'))).toEqual([422, 42202]);
  expect(await refusal(ask('POST', '/subjects/codes', { schema: '"long"' }))).toEqual([404, 40403]);
  for (const id of ['999999', '0', '-1', 'x', '9'.repeat(20)])
    expect(await refusal(ask('GET', `/schemas/ids/${id}`))).toEqual([404, 40403]);
  const bad = [{}, { schema: '' }, { schema: 7 }, { schema: '{' }, { schema: '{"type":"nonsense"}' }];
  for (const body of [...bad, { schema: '"int"', schemaType: 'XML' }, { schema: '"int"', references: [{ name: 'a' }] }])
    expect(await refusal(ask('POST', '/subjects/codes/versions', body))).toEqual([422, 42201]);
  expect(await refusal(register('codes', { type: 'object', properties: 7 }, 'JSON'))).toEqual([422, 42201]);
  expect(await refusal(register('a%0ab', ORDER))).toEqual([422, 42208]);
  expect(await refusal(register('s'.repeat(300), ORDER))).toEqual([422, 42208]);
});

test('subjects have any name that a topic can give them', async () => {
  const subject = 'ünï code/with.slash-value';
  expect((await register(encodeURIComponent(subject), ORDER)).status).toBe(200);
  expect((await ask('GET', '/subjects')).json).toContain(subject);
  expect((await ask('GET', `/subjects/${encodeURIComponent(subject)}/versions`)).json).toEqual([1]);
});

test('a subject that is bound to a contract has its versions and takes no others', async () => {
  const yaml = { 'content-type': 'application/yaml' };
  expect((await service.call('POST', '/v1/contracts', orders('1.0.0'), yaml)).status).toBe(201);
  const bind = (subject: string, body: object) => service.call('PUT', `/v1/contracts/orders/subjects/${subject}`, body);
  expect((await bind('orders-value', {})).json).toEqual({
    ...{ subject: 'orders-value', contract: 'orders', schemaType: 'AVRO', versions: 1 },
  });
  expect((await bind('orders-json', { schemaType: 'JSON' })).status).toBe(200);
  expect((await ask('GET', '/subjects/orders-value/versions')).json).toEqual([1]);
  // Published meanwhile: there is nothing that could be missed.
  const next = orders('1.1.0', { properties: OPTIONAL_NOTE });
  expect((await service.call('POST', '/v1/contracts', next, yaml)).status).toBe(201);
  expect((await ask('GET', '/subjects/orders-value/versions')).json).toEqual([1, 2]);
  const latest = (await ask('GET', '/subjects/orders-value/versions/latest')).json;
  const schema = JSON.parse(latest.schema);
  expect(schema.fields.map(({ name }: { name: string }) => name)).toEqual(['order_id', 'total', 'note']);
  expect(latest.schema).not.toContain('odcs');
  expect(JSON.parse((await ask('GET', '/subjects/orders-json/versions/latest')).json.schema)).toMatchObject({
    properties: { note: { type: ['string', 'null'] } },
  });
  // A serializer that registers on its own finds the id; another schema is refused.
  const client = new Client({ host: `${service.url}/registry` });
  const { id } = await client.register({ type: SchemaType.AVRO, schema: latest.schema }, { subject: 'orders-value' });
  expect(id).toBe(latest.id);
  const message = await client.encode(id, { order_id: 'o-1', total: 1.5, note: null });
  expect(await client.decode(message)).toMatchObject({ order_id: 'o-1', total: 1.5 });
  expect(await refusal(register('orders-value', ORDER))).toEqual([409, 409]);
  expect(await refusal(ask('DELETE', '/subjects/orders-value'))).toEqual([409, 409]);
  expect((await service.call('GET', '/v1/contracts/orders/subjects')).json.rows).toEqual([
    { subject: 'orders-json', schemaType: 'JSON' },
    { subject: 'orders-value', schemaType: 'AVRO' },
  ]);
  expect((await service.call('DELETE', '/v1/contracts/orders/subjects/orders-value')).status).toBe(204);
  expect((await service.call('DELETE', '/v1/contracts/orders/subjects/orders-value')).status).toBe(404);
  expect((await ask('GET', '/subjects/orders-value/versions')).json).toEqual([1, 2]);
  expect((await bind('x', {})).status).toBe(200);
  expect(await bind('y', { schemaType: null })).toMatchObject({ status: 200, json: { schemaType: 'AVRO' } });
  expect((await service.call('PUT', '/v1/contracts/none/subjects/x', {})).status).toBe(404);
});
