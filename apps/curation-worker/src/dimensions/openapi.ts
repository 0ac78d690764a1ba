import { DIMENSION_LIMITS } from './model';

const query = (name: string, description: string, schema: object = { type: 'string' }) => ({
  ...{ name, in: 'query', description, schema },
});
const rows = { schema: { type: 'array', items: { type: 'object', additionalProperties: true } } };

/** What OpenAPI says of the route that takes bytes. */
export const DIMENSIONS_OPENAPI = {
  paths: {
    '/v1/dimensions/{name}': {
      put: {
        tags: ['dimensions'],
        summary: 'Load a dimension; what was known before stays known as it was then (slowly changing, type 2)',
        description:
          'The body is CSV with a header, an array of JSON objects, or an object a line. A column `valid_from` says since ' +
          'when a row holds, `is_deleted` that its key is no more. A key that was never seen holds since ever, a change ' +
          'of a known one from `effective_from` on. The same load again changes nothing. ' +
          `At most ${DIMENSION_LIMITS.bytesMax} bytes and ${DIMENSION_LIMITS.rowsMax} rows.`,
        parameters: [
          { name: 'name', in: 'path', required: true, schema: { type: 'string', pattern: '^[a-z][a-z0-9_]{0,62}$' } },
          query('mode', 'upsert keeps keys that are not named, snapshot ends them.', {
            ...{ type: 'string', enum: ['upsert', 'snapshot'], default: 'upsert' },
          }),
          query('key', 'Column of the key; the first column unless given.'),
          query('effective_from', 'From when on changes hold; now unless given.', {
            type: 'string',
            format: 'date-time',
          }),
          query(
            'types',
            'Types of new columns where they are not to be told from their values: `zip:string,lat:double`.',
          ),
        ],
        requestBody: {
          required: true,
          content: {
            'text/csv': { schema: { type: 'string' } },
            'application/json': rows,
            'application/x-ndjson': rows,
          },
        },
        responses: {
          '200': { description: 'The dimension, and how many rows were added, updated, removed and unchanged.' },
          '400': { description: 'The body or a parameter cannot be read.' },
          '409': { description: 'There are too many dimensions, or versions of keys.' },
          '413': { description: 'The body is too large.' },
          '415': { description: 'Another content type.' },
          '422': { description: 'Rows that cannot be taken; `errors` names rows and columns.' },
          '503': { description: 'Not now; repeat the load.' },
        },
      },
    },
  },
} as const;
