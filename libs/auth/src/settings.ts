import type { Algorithm } from './tokens/token-verifier';

export const PEOPLE_MODES = ['key', 'jwt', 'iap'] as const;
export const INGEST_MODES = ['token', 'key', 'jwt', 'oidc'] as const;
export const TASK_MODES = ['token', 'oidc'] as const;
export type PeopleMode = (typeof PEOPLE_MODES)[number];
export type IngestMode = (typeof INGEST_MODES)[number];
export type TaskMode = (typeof TASK_MODES)[number];

/** How a service tells who calls it. An empty list of modes is no authentication, which loopback alone allows. */
export interface AccessSettings {
  readonly people: readonly PeopleMode[];
  readonly ingest: readonly IngestMode[];
  readonly task: readonly TaskMode[];
  readonly adminToken?: string;
  readonly ingestTokens: readonly string[];
  readonly taskTokens: readonly string[];
  readonly jwt: {
    readonly issuer?: string;
    readonly audiences: readonly string[];
    readonly jwksUrl?: string;
    readonly algorithms: readonly Algorithm[];
    readonly rolesClaim: string;
    readonly tenantClaim?: string;
  };
  readonly oidc: {
    readonly issuer: string;
    readonly audiences: readonly string[];
    readonly jwksUrl: string;
    readonly serviceAccounts: readonly string[];
  };
  readonly iap: {
    readonly audience?: string;
    readonly jwksUrl: string;
    readonly admins: readonly string[];
    readonly operators: readonly string[];
  };
  readonly clockSkewMs: number;
  readonly keysStaleMsMax: number;
}

/** Nothing is asked for. */
export const OPEN: AccessSettings = {
  people: [],
  ingest: [],
  task: [],
  ingestTokens: [],
  taskTokens: [],
  jwt: { audiences: [], algorithms: [], rolesClaim: 'roles' },
  oidc: { issuer: '', audiences: [], jwksUrl: '', serviceAccounts: [] },
  iap: { jwksUrl: '', admins: [], operators: [] },
  clockSkewMs: 30_000,
  keysStaleMsMax: 60_000,
};
