import type { ServiceName } from '../start/services';

/**
 * The public surface by path. A pattern covers itself and all below it; `{…}` stands for one segment; a method before
 * it narrows it to that method (GET covers HEAD). Of several the one with most segments wins, then the one with
 * fewer `{…}`, then the one with a method.
 */
export const ROUTES: Readonly<Record<ServiceName, readonly string[]>> = {
  'ingest-gateway': [
    '/events',
    '/v1/events',
    '/api/v1/ingest_event',
    '/v1/webhooks',
    '/api/ingest',
    '/api/uploads',
    '/internal/storage/finalized',
    '/v1/api-keys',
  ],
  'curation-worker': [
    '/api/ingestions',
    '/internal/admin/reclaim_stuck',
    '/admin',
    '/v1/quarantine',
    '/v1/erasure',
    '/v1/tokens',
    '/v1/late-data',
    '/v1/dimensions',
    '/v1/kpis',
  ],
  'table-manager': [
    '/v1/contracts',
    '/v1/inference',
    '/registry',
    '/v1/tables',
    '/v1/quality/alarms',
    '/v1/marts',
    '/v1/runs',
    '/v1/reconciliation',
    '/v1/maintenance',
  ],
  'analytics-api': [
    'GET /v1/events',
    '/v1/events/{id}',
    '/v1/conservation',
    '/v1/stream',
    '/v1/shipments',
    '/v1/on-time-performance',
    '/v1/exceptions',
    '/v1/features',
    '/v1/tables/{name}/rows',
    '/v1/sql',
    '/v1/queries',
    '/v1/quality',
    '/v1/audit',
    '/v1/lineage',
  ],
  'event-generator': ['/generate', '/load', '/api/demo/seed'],
};

export interface Target {
  readonly service: ServiceName;
  /** What to take off the path's front: `/{service}`, or nothing. */
  readonly prefix: string;
}

interface Node {
  readonly literals: Map<string, Node>;
  wildcard: Node | null;
  any: ServiceName | null;
  readonly byMethod: Map<string, ServiceName>;
}

/** Compiles the table into a function from method and path (without query) to a service, null when nobody serves it. */
export function compileRoutes(
  routes: Readonly<Record<string, readonly string[]>> = ROUTES,
): (method: string, path: string) => Target | null {
  const root = emptyNode();
  const services = Object.keys(routes) as ServiceName[];
  for (const service of services)
    for (const pattern of routes[service] as readonly string[]) insert(root, pattern, service);
  return (method, path) => {
    const segments = segmentsOf(path);
    if (segments === null) return null;
    const own = services.find((service) => service === segments[0]);
    // What is internal to a service is reached neither through the public surface nor through the service's own prefix.
    if (own)
      return segments[1] === 'internal' || !path.startsWith(`/${own}`) ? null : { service: own, prefix: `/${own}` };
    const service = find(root, segments, 0, method === 'HEAD' ? 'GET' : method)?.service;
    return service ? { service, prefix: '' } : null;
  };
}

const emptyNode = (): Node => ({ literals: new Map(), wildcard: null, any: null, byMethod: new Map() });

function insert(root: Node, pattern: string, service: ServiceName): void {
  const [path, method] = pattern.split(' ').reverse() as [string, string | undefined];
  let node = root;
  for (const segment of path.split('/').slice(1)) {
    if (segment.startsWith('{')) node = node.wildcard ??= emptyNode();
    else {
      const next = node.literals.get(segment) ?? emptyNode();
      node.literals.set(segment, next);
      node = next;
    }
  }
  if (method) node.byMethod.set(method, service);
  else node.any = service;
}

function find(
  node: Node,
  segments: readonly string[],
  depth: number,
  method: string,
): { service: ServiceName; depth: number } | null {
  const service = node.byMethod.get(method) ?? node.any;
  let best = service ? { service, depth } : null;
  if (depth === segments.length) return best;
  const segment = segments[depth] as string;
  for (const next of [node.literals.get(segment), node.wildcard]) {
    const found = next ? find(next, segments, depth + 1, method) : null;
    if (found && (!best || found.depth > best.depth)) best = found;
  }
  return best;
}

/** Decoded segments without empty ones at the end; null for a path that two readers could read differently. */
function segmentsOf(path: string): string[] | null {
  try {
    const segments = path.split('/').slice(1).map(decodeURIComponent);
    while (segments.length && segments[segments.length - 1] === '') segments.pop();
    return segments.some((segment) => segment === '..' || segment === '.' || segment === '' || segment.includes('\0'))
      ? null
      : segments;
  } catch {
    return null;
  }
}
