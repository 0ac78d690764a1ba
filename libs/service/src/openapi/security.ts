import type { AccessPolicy } from '@millrace/auth';

export const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key (`mlr_…`), a JWT of the configured issuer, or the ingest token.',
  },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The same, where Authorization is taken.' },
  basic: { type: 'http', scheme: 'basic', description: 'The key as user, no password; only to send events.' },
  iap: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Goog-IAP-JWT-Assertion',
    description: 'Added by Identity-Aware Proxy.',
  },
  task: { type: 'apiKey', in: 'header', name: 'X-Task-Token', description: 'Of the tasks port.' },
};

const alternatives = (names: readonly (keyof typeof SECURITY_SCHEMES)[]): Record<string, string[]>[] =>
  names.map((name) => ({ [name]: [] }));

/** What an operation says of a policy: its alternatives, and in words which role it takes. */
export function securityOf({ who, deployment, orTask, optional }: AccessPolicy): Record<string, unknown> {
  if (who === 'public') return { security: [] };
  if (who === 'task') return { security: alternatives(['task', 'bearer']) };
  const schemes = alternatives(who === 'ingest' ? ['bearer', 'apiKey', 'basic'] : ['bearer', 'apiKey', 'iap']);
  return {
    security: [...schemes, ...(orTask ? alternatives(['task']) : []), ...(optional ? [{}] : [])],
    'x-role': who,
    ...(deployment && { 'x-deployment': true }),
  };
}

/** `/v1/webhooks/:source` → `/v1/webhooks/{source}` */
export const templateOf = (url: string): string => url.replace(/:([A-Za-z0-9_]+)(\([^)]*\))?/g, '{$1}');
