import fc from 'fast-check';
import { compile } from './compile';
import { ContractError } from './contract-error';
import { loadContract } from './load-contract';
import { compilePrivacy, holdsPersonal, type ProtectedNode } from './privacy';
import { protectPayload } from './protect-payload';

const yaml = (properties: string, privacy = '', more = ''): string => `
apiVersion: v3.1.0
kind: DataContract
id: 11111111-1111-4111-8111-111111111111
name: orders
version: 1.0.0
status: active
schema:
  - name: orders
    properties:
${properties
  .trim()
  .split('\n')
  .map((line) => `      ${line}`)
  .join('\n')}
customProperties:
  - { property: eventTypes, value: [order] }
${more}${privacy && `  - { property: privacy, value: ${privacy} }`}
`;

const FIELDS = `
- { name: id, logicalType: integer, required: true }
- { name: customer, logicalType: string, classification: PII }
- { name: amount, logicalType: number, classification: confidential }
- { name: phone, logicalType: integer, classification: personal }
- { name: card, logicalType: string, classification: restricted }
- name: address
  logicalType: object
  classification: sensitive
  properties: [{ name: street, logicalType: string }]
- name: lines
  logicalType: array
  items:
    logicalType: object
    properties:
      - { name: sku, logicalType: string }
      - { name: gift_for, logicalType: string, classification: pii }
`;

const problemsOf = (text: string): string[] => {
  try {
    loadContract(text);
    return [];
  } catch (error) {
    return (error as ContractError).problems.map(({ path, rule }) => `${path} ${rule}`);
  }
};

const marked = (json: string, root: ProtectedNode): string => protectPayload(json, root, (text) => `<${text}>`);

describe('a contract that classifies fields', () => {
  const compiled = compile(
    loadContract(
      yaml(
        FIELDS,
        "{ subject: $.payload.customer, lakeTokens: [$.payload.phone], reversible: ['$.payload.lines.gift_for'] }",
      ),
    ),
  );
  const root = (compiled.privacy as NonNullable<typeof compiled.privacy>).root;

  it('has tokens as columns, and none for what is restricted', () => {
    expect(Object.fromEntries(compiled.columns.map(({ name, type }) => [name, type]))).toEqual({
      ...{ id: 'long', customer: 'string', amount: 'double', phone: 'string', address: 'string', lines: 'string' },
    });
    expect(compiled.excluded.map(({ path }) => path.join('.'))).toEqual(['card']);
  });

  it('says whose data it is, and how each field is stored', () => {
    expect(compiled.privacy).toMatchObject({ subjectPath: ['customer'], kind: 'customer' });
    expect(root.members.get('phone')?.token).toEqual({ scope: 'lake', reversible: false });
    expect(root.members.get('lines')?.elements?.members.get('gift_for')?.token).toEqual({
      scope: 'subject',
      reversible: true,
    });
    expect(root.members.has('amount')).toBe(false);
  });

  it('replaces values wherever they are, and changes nothing else', () => {
    const json =
      '{ "id":10000000000000000001,"customer" : "a \\"b\\\\","amount":1.50,"phone":0.10,"card":null,"other":{"customer":"x"},' +
      '"address":{"street":"]}"},"lines":[{"sku":"\\u0041","gift_for":"me"},{"gift\\u005ffor":true},{"sku":"s"},null] }';
    expect(marked(json, root)).toBe(
      '{ "id":10000000000000000001,"customer" : <"a \\"b\\\\">,"amount":1.50,"phone":<0.10>,"card":null,"other":{"customer":"x"},' +
        '"address":<{"street":"]}"}>,"lines":[{"sku":"\\u0041","gift_for":<"me">},{"gift\\u005ffor":<true>},{"sku":"s"},null] }',
    );
  });
});

it('replaces whatever stands in the place of an object or list that may hold classified values', () => {
  const { privacy } = compile(loadContract(yaml(FIELDS)));
  const { root } = privacy as NonNullable<typeof privacy>;
  expect(marked('{"lines":"a name","id":1}', root)).toBe('{"lines":<"a name">,"id":1}');
  expect(marked('{"lines":["a name",["x"]]}', root)).toBe('{"lines":[<"a name">,<["x"]>]}');
  expect(marked('{"lines":{"gift_for":"me"}}', root)).toBe('{"lines":<{"gift_for":"me"}>}');
  for (const [payload, holds] of [
    [{ lines: 'a name' }, true],
    [{ lines: [] }, false],
    [{ lines: [{ sku: 's' }], customer: null }, false],
    [{ lines: [{ gift_for: 'me' }] }, true],
    [{ lines: { gift_for: 'me' } }, true],
    [{ amount: 1, id: 2 }, false],
  ] as const)
    expect([payload, holdsPersonal(payload, root)]).toEqual([payload, holds]);
});

it('a contract that classifies nothing asks for nothing', () => {
  expect(
    compile(loadContract(yaml('- { name: id, logicalType: integer, classification: internal }'))).privacy,
  ).toBeNull();
});

it('a subject that is classified is classified in the envelope too', () => {
  const subject = '  - { property: subject, value: $.payload.customer }\n';
  const { privacy } = compile(loadContract(yaml(FIELDS, '', subject)));
  expect(privacy).toMatchObject({ kind: 'customer', envelope: { subject: true, attributes: false, traceId: false } });
  const named = compile(loadContract(yaml(FIELDS, '{ envelope: [attributes, trace_id] }')));
  expect(named.privacy?.envelope).toEqual({ subject: false, attributes: true, traceId: true });
});

it.each([
  ['an unknown key', '{ subjects: x }', 'customProperties[1].value.subjects'],
  ['a subject that is no field', '{ subject: $.payload.nobody }', 'customProperties[1].value.subject must be the path'],
  [
    'a subject that is an object',
    '{ subject: $.payload.address }',
    'customProperties[1].value.subject must be the path',
  ],
  [
    'a token of a field in clear',
    '{ reversible: [$.payload.amount] }',
    'customProperties[1].value.reversible[0] must be',
  ],
  ['a token within a field that is one', '{ lakeTokens: [$.payload.address.street] }', 'value.lakeTokens[0] must be'],
  ['an envelope member that is none', '{ envelope: [event_id] }', 'value.envelope[0] must be one of'],
  ['a kind that is no name', "{ subject: $.payload.id, kind: 'a b' }", 'customProperties[1].value.kind must be'],
])('refuses %s, naming the place', (_, privacy, problem) => {
  expect(problemsOf(yaml(FIELDS, privacy)).join('\n')).toContain(problem);
});

it('refuses an event time that is classified', () => {
  const time = '- { name: at, logicalType: timestamp, classification: pii }';
  const problems = problemsOf(yaml(time, '', '  - { property: eventTime, value: $.payload.at }\n'));
  expect(problems.join()).toContain('must not be classified');
});

it('finds every classified value in any JSON, however it is written', () => {
  const { root } =
    compilePrivacy(loadContract(yaml('- { name: secret, logicalType: string, classification: pii }'))) ?? {};
  const json = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
  fc.assert(
    fc.property(
      json,
      fc.jsonValue({ stringUnit: 'binary' }),
      fc.constantFrom(0, 2),
      fc.boolean(),
      (others, secret, indent, first) => {
        const value = first ? { secret, ...others } : { ...others, secret };
        const text = JSON.stringify(value, null, indent);
        const changed = protectPayload(text, root as ProtectedNode, () => '"token"');
        const now = value.secret === null ? null : 'token';
        expect(JSON.parse(changed)).toEqual(JSON.parse(JSON.stringify({ ...value, secret: now })));
      },
    ),
    { numRuns: 500 },
  );
});
