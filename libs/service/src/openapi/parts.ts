/** Problem details of RFC 9457 with this project's extension members. */
export const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status'],
  properties: {
    type: { type: 'string', format: 'uri-reference', description: 'The kind of problem; about:blank: see the status.' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'What is wrong with this request.' },
    instance: { type: 'string', format: 'uri-reference', description: 'The path that was asked for.' },
    requestId: { type: 'string', description: 'As in X-Request-ID; leads to the log.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'rule', 'detail'],
        properties: {
          path: { type: 'string', description: 'JSONPath in the body, or query.x, params.x, header.x.' },
          rule: { type: 'string' },
          detail: { type: 'string' },
        },
      },
    },
  },
};

export const PROBLEM_RESPONSE = {
  description: 'A problem (RFC 9457)',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const json = (description: string) => ({
  description,
  content: { 'application/json': { schema: { type: 'object' } } },
});
const system = (operationId: string, summary: string, responses: object) => ({
  get: { operationId, tags: ['service'], summary, responses },
});

/** What every service answers beside its own paths. */
export const SYSTEM_PATHS = {
  '/health': system('health', 'Whether the process lives', { 200: json('It does') }),
  '/liveness': system('liveness', 'The same as /health', { 200: json('It does') }),
  '/readiness': system('readiness', 'Whether all resources are up, by resource', {
    200: json('All are'),
    503: json('Not all are; try again after Retry-After'),
  }),
  '/metrics': system('metrics', 'Metrics in the text format of Prometheus', {
    200: { description: 'The metrics', content: { 'text/plain': { schema: { type: 'string' } } } },
  }),
};
