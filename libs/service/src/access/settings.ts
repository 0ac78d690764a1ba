import type { AccessSettings } from '@millrace/auth';
import { ConfigError, type ConfigOf, type ConfigSchema } from '../config/config';
import { type accessFields, type ingestAccessFields, reachesOthers } from './fields';

/** The settings of `accessFields`, and those of `ingestAccessFields` where the service has them. */
export type AccessConfig = ConfigOf<ConfigSchema<typeof accessFields>> &
  Partial<ConfigOf<ConfigSchema<typeof ingestAccessFields>>> & { readonly host: string };

/**
 * The part of a service's settings that says who may call it.
 * @throws ConfigError that names each variable that a mode lacks, and each mode that an address others reach lacks
 */
export function accessSettings(config: AccessConfig): AccessSettings {
  const problems = [...lacking(config), ...exposed(config)];
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    people: config.authMode,
    ingest: config.ingestAuthMode ?? [],
    task: config.taskAuthMode,
    adminToken: config.adminToken,
    ingestTokens: config.ingestTokens ?? [],
    taskTokens: config.taskTokens ?? [],
    jwt: {
      issuer: config.jwtIssuer,
      audiences: config.jwtAudiences ?? [],
      jwksUrl: config.jwtJwksUrl,
      algorithms: config.jwtAlgorithms,
      rolesClaim: config.jwtRolesClaim,
      tenantClaim: config.jwtTenantClaim,
    },
    oidc: {
      issuer: config.oidcIssuer,
      audiences: config.oidcAudiences ?? [],
      jwksUrl: config.oidcJwksUrl,
      serviceAccounts: config.oidcServiceAccounts ?? [],
    },
    iap: {
      audience: config.iapAudience,
      jwksUrl: config.iapJwksUrl,
      admins: config.iapAdmins ?? [],
      operators: config.iapOperators ?? [],
    },
    clockSkewMs: config.clockSkewMs,
    keysStaleMsMax: config.keysStaleMsMax,
  };
}

/** `HOST` may be reached by others, and this mode lets everyone in. */
export const openToOthers = (host: string, variable: string): string =>
  `${variable} is none, and HOST is ${JSON.stringify(host)}, where others can reach this service; set ${variable}, or a loopback HOST`;

function exposed({ host, authMode, ingestAuthMode }: AccessConfig): string[] {
  if (!reachesOthers(host)) return [];
  return [
    ...(authMode.length === 0 ? [openToOthers(host, 'AUTH_MODE')] : []),
    ...(ingestAuthMode?.length === 0 ? [openToOthers(host, 'INGEST_AUTH_MODE')] : []),
  ];
}

function lacking(config: AccessConfig): string[] {
  const { authMode, ingestAuthMode = [], taskAuthMode } = config;
  const problems: string[] = [];
  const need = (setBy: string | null, variable: string, value: unknown): void => {
    if (setBy !== null && value === undefined) problems.push(`${variable} is not set; ${setBy} takes it`);
  };
  const by = (...modes: readonly (readonly [string, readonly string[], string])[]): string | null => {
    const found = modes.find(([, set, mode]) => set.includes(mode));
    return found ? `${found[0]}=${found[2]}` : null;
  };
  const jwt = by(['AUTH_MODE', authMode, 'jwt'], ['INGEST_AUTH_MODE', ingestAuthMode, 'jwt']);
  need(jwt, 'JWT_ISSUER', config.jwtIssuer);
  need(jwt, 'JWT_AUDIENCE', config.jwtAudiences);
  need(jwt, 'JWT_JWKS_URL', config.jwtJwksUrl);
  if (jwt !== null && config.jwtAlgorithms.length === 0) problems.push(`JWT_ALGORITHMS is none; ${jwt} takes some`);
  const oidc = by(['TASK_AUTH_MODE', taskAuthMode, 'oidc'], ['INGEST_AUTH_MODE', ingestAuthMode, 'oidc']);
  need(oidc, 'OIDC_AUDIENCE', config.oidcAudiences);
  need(oidc, 'OIDC_SERVICE_ACCOUNTS', config.oidcServiceAccounts);
  need(by(['AUTH_MODE', authMode, 'iap']), 'IAP_AUDIENCE', config.iapAudience);
  need(by(['TASK_AUTH_MODE', taskAuthMode, 'token']), 'TASK_TOKEN', config.taskTokens);
  need(by(['INGEST_AUTH_MODE', ingestAuthMode, 'token']), 'INGEST_TOKEN', config.ingestTokens);
  return problems;
}
