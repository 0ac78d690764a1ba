import { asVersion31 } from './document';

describe('OpenAPI 3.0 schemas in the way of 3.1', () => {
  it.each([
    [{ type: 'string', nullable: true }, { type: ['string', 'null'] }],
    [{ $ref: '#/x', nullable: true }, { anyOf: [{ $ref: '#/x' }, { type: 'null' }] }],
    [
      { type: 'number', minimum: 0, exclusiveMinimum: true },
      { type: 'number', exclusiveMinimum: 0 },
    ],
    [
      { type: 'number', maximum: 9, exclusiveMaximum: false },
      { type: 'number', maximum: 9 },
    ],
    [
      { type: 'number', exclusiveMinimum: 3 },
      { type: 'number', exclusiveMinimum: 3 },
    ],
    [{ a: [{ b: { type: 'array', nullable: true } }] }, { a: [{ b: { type: ['array', 'null'] } }] }],
  ])('%j becomes %j', (old, expected) => {
    expect(asVersion31(old)).toEqual(expected);
  });
});
