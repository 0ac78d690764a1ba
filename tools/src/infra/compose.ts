import { parse } from 'yaml';

/** The parts of a compose service that are looked at here; all texts filled in. */
export interface ComposeService {
  readonly image?: string;
  readonly build?: {
    readonly context: string;
    readonly dockerfile: string;
    readonly args: Readonly<Record<string, string>>;
  };
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly network_mode?: string;
  readonly ports?: unknown;
  readonly user?: string;
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly cap_drop?: readonly string[];
  readonly volumes: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on: Readonly<Record<string, { readonly condition: string }>>;
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: readonly string[];
}

/**
 * Reads a compose file as Docker Compose does: YAML 1.2 with merge keys, then variables. Throws for a variable that has
 * no value, which Compose itself would replace by nothing. A variable of a service's environment that is given no value
 * there is passed on where it is set.
 */
export function readCompose(text: string, variables: Readonly<Record<string, string>>): Compose {
  const document = interpolate(parse(text, { merge: true }), variables) as {
    services: Record<string, Record<string, unknown>>;
    volumes?: Record<string, unknown>;
  };
  const services = Object.entries(document.services).map(([name, service]) => [
    name,
    {
      ...service,
      environment: environmentOf(service['environment'] ?? {}, variables),
      volumes: service['volumes'] ?? [],
      depends_on: dependencies(service['depends_on']),
    } as ComposeService,
  ]);
  return {
    services: Object.fromEntries(services) as Record<string, ComposeService>,
    volumes: Object.keys(document.volumes ?? {}),
  };
}

/** Names of variables that the file asks for. */
export const variablesOf = (text: string): string[] => [
  ...new Set([...text.matchAll(/(?<!\$)\$\{(\w+)/g)].map(([, name]) => name as string)),
];

/** `host:container[:mode]` of a volume that is a name, not a folder. */
export const namedVolume = (volume: string): string | null => /^([a-z][\w.-]*):/.exec(volume)?.[1] ?? null;

function interpolate(value: unknown, variables: Readonly<Record<string, string>>): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\$|\$\{(\w+)(?::?[?-][^}]*)?\}/g, (all, name: string | undefined) => {
      if (name === undefined) return '$';
      const found = variables[name];
      if (!found) throw new Error(`${name} is not set`);
      return found;
    });
  }
  if (Array.isArray(value)) return value.map((each) => interpolate(each, variables));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, interpolate(each, variables)]));
}

function environmentOf(environment: unknown, passedOn: Readonly<Record<string, string>>): Record<string, string> {
  if (Array.isArray(environment)) throw new Error('the environment of a service is a map here');
  return Object.fromEntries(
    Object.entries(environment as object).flatMap(([name, value]) => {
      if (value !== null) return [[name, String(value)]];
      const given = passedOn[name];
      return given === undefined ? [] : [[name, given]];
    }),
  );
}

function dependencies(value: unknown): Record<string, { condition: string }> {
  if (!Array.isArray(value)) return (value ?? {}) as Record<string, { condition: string }>;
  return Object.fromEntries((value as string[]).map((name) => [name, { condition: 'service_started' }]));
}
