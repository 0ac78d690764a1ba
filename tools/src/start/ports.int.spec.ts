import net, { type AddressInfo, type Server } from 'node:net';
import { allPorts, assertPortsFree, planPorts, portHolder } from './ports';

let taken: Server;
let port: number;

beforeAll(async () => {
  taken = net.createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  port = (taken.address() as AddressInfo).port;
});
afterAll(() => void taken.close());

describe('the plan', () => {
  it('has the documented ports', () => {
    expect(allPorts(planPorts({}, { workers: 1 })).map(({ process, port: at }) => `${process} ${at}`)).toEqual([
      'front-door 8080',
      'ingest-gateway 8081',
      'curation-worker 8082',
      'table-manager 8083',
      'analytics-api 8084',
      'event-generator 8085',
      'postgres 8089',
    ]);
  });

  it('follows the environment, PORT first for the front door', () => {
    const plan = planPorts({ PORT: '9000', FRONT_DOOR_PORT: '9001', TABLE_MANAGER_PORT: '9003' }, { workers: 1 });
    expect(plan.frontDoor).toEqual({ process: 'front-door', port: 9000, variable: 'PORT' });
    expect(plan.services['table-manager'][0]).toEqual({
      process: 'table-manager',
      port: 9003,
      variable: 'TABLE_MANAGER_PORT',
    });
  });

  it('moves all with a base, further workers behind it', () => {
    const plan = planPorts({ FRONT_DOOR_PORT: '9001' }, { base: 18000, workers: 3 });
    expect(allPorts(plan).map(({ port: at }) => at)).toEqual([
      18000, 18001, 18002, 18010, 18011, 18003, 18004, 18005, 18009,
    ]);
    // No variable would move one of them.
    expect(allPorts(plan).filter(({ variable }) => variable !== null)).toEqual([]);
  });

  it.each([
    [{ POSTGRES_PORT: 'x' }, 'POSTGRES_PORT is "x"; it takes a port from 1 to 65535'],
    [
      { ANALYTICS_API_PORT: '8081' },
      'Port 8081 is given to both ingest-gateway (INGEST_GATEWAY_PORT) and analytics-api (ANALYTICS_API_PORT)',
    ],
  ])('refuses %j', (env, sentence) => {
    expect(() => planPorts(env, { workers: 1 })).toThrow(sentence);
  });
});

describe('a taken port', () => {
  it('is reported with the service, the variable and the holder', async () => {
    await expect(
      assertPortsFree([{ process: 'ingest-gateway', port, variable: 'INGEST_GATEWAY_PORT' }], '127.0.0.1'),
    ).rejects.toThrow(
      new RegExp(
        `Port ${port} of ingest-gateway is taken by pid ${process.pid} \\(.*node.*\\)\\. Change it with INGEST_GATEWAY_PORT\\.[^]*--port-base`,
      ),
    );
  });

  it('is told apart from a free one', async () => {
    const free = net.createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const at = (free.address() as AddressInfo).port;
    await new Promise((resolve) => free.close(resolve));
    await assertPortsFree([{ process: 'x', port: at, variable: null }], '127.0.0.1');
    expect(portHolder(at)).toBeNull();
  });
});
