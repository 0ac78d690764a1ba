import { compileRoutes, ROUTES } from './routes';

const route = compileRoutes();
const serviceOf = (method: string, path: string): string | null => route(method, path)?.service ?? null;

describe('the front door routes', () => {
  it.each([
    ['POST', '/events', 'ingest-gateway'],
    ['POST', '/v1/events', 'ingest-gateway'],
    ['PUT', '/v1/events', 'ingest-gateway'],
    ['GET', '/v1/events', 'analytics-api'],
    ['HEAD', '/v1/events', 'analytics-api'],
    ['GET', '/v1/events/a%2Fb:created/trace', 'analytics-api'],
    ['POST', '/v1/webhooks/github', 'ingest-gateway'],
    ['POST', '/api/ingest/upload', 'ingest-gateway'],
    ['GET', '/api/ingestions/7', 'curation-worker'],
    ['GET', '/admin/events/failed', 'curation-worker'],
    ['POST', '/internal/admin/reclaim_stuck', 'curation-worker'],
    ['POST', '/internal/storage/finalized', 'ingest-gateway'],
    ['GET', '/v1/tables', 'table-manager'],
    ['POST', '/v1/tables/clean.events/optimize', 'table-manager'],
    ['GET', '/v1/tables/clean.events/rows', 'analytics-api'],
    ['GET', '/registry/subjects', 'table-manager'],
    ['GET', '/v1/on-time-performance', 'analytics-api'],
    ['GET', '/v1/shipments/daily/', 'analytics-api'],
    ['POST', '/generate/order', 'event-generator'],
    ['GET', '/load/x/manifest', 'event-generator'],
    ['POST', '/api/demo/seed/shipments', 'event-generator'],
  ])('%s %s to %s', (method, path, service) => {
    expect(serviceOf(method, path)).toBe(service);
  });

  it('reach the rest of a service under its own name', () => {
    expect(route('GET', '/ingest-gateway/docs')).toEqual({ service: 'ingest-gateway', prefix: '/ingest-gateway' });
    expect(route('GET', '/table-manager')).toEqual({ service: 'table-manager', prefix: '/table-manager' });
  });

  it.each([
    '/',
    '/nobody',
    '/v1',
    '/v1/eventsx',
    '/internal/tasks/run',
    '/curation-worker/internal/tasks/run',
    '/curation-worker/%69nternal/tasks',
    '/%63uration-worker/docs',
    '/v1/tables/../../internal',
    '/ingest-gateway/%2e%2e/x',
    '//events',
    '/events/%zz',
  ])('give %s to nobody', (path) => expect(route('GET', path)).toBeNull());

  it('name no path twice', () => {
    const all = Object.values(ROUTES).flat();
    expect(new Set(all).size).toBe(all.length);
  });
});
