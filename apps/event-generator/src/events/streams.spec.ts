import { compile, contractSet, readCatalogDir } from '@millrace/contracts';
import { decode } from '@millrace/envelope';
import { EVENT_TYPES, type EventBody, type EventType } from './event';
import { createStream, eventIdOf, GAP_MS } from './streams';
import { distanceKm } from './telemetry';

const FROM_MS = Date.UTC(2026, 0, 5);

function take(type: EventType, count: number, seed = 'one', gapMs = GAP_MS[type]) {
  const stream = createStream(type, { seed, fromMs: FROM_MS, gapMs });
  return Array.from({ length: count }, () => stream.next());
}
const bodies = (type: EventType, count: number, seed?: string): EventBody[] =>
  take(type, count, seed).map(({ body }) => body);
const bytesOf = (body: EventBody): Buffer => Buffer.from(JSON.stringify(body));
function grouped<T>(values: readonly T[], keyOf: (value: T) => unknown): T[][] {
  const groups = new Map<unknown, T[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return [...groups.values()];
}

describe.each(EVENT_TYPES)('%s events', (type) => {
  it('are the same for the same seed, whatever else was generated meanwhile', () => {
    const stream = createStream(type, { seed: 's', fromMs: FROM_MS, gapMs: GAP_MS[type] });
    const other = createStream(type, { seed: 'other', fromMs: FROM_MS, gapMs: GAP_MS[type] });
    const interleaved = Array.from({ length: 300 }, () => (other.next(), stream.next()));
    expect(interleaved).toEqual(take(type, 300, 's'));
    expect(take(type, 100, 's')).toEqual(interleaved.slice(0, 100));
  });

  it('are others for another seed, with ids of their own', () => {
    const ids = (seed: string): string[] => bodies(type, 1_000, seed).map((body) => eventIdOf(body, bytesOf(body)));
    const [one, two] = [ids('one'), ids('two')];
    expect(new Set([...one, ...two]).size).toBe(2_000);
  });

  it.each([0.02, 1, GAP_MS.order])('are distinct events that Millrace can read, at one every %d ms', (gapMs) => {
    const ids = new Set<string>();
    for (const { body, key } of take(type, 2_000, 'x', gapMs)) {
      const bytes = bytesOf(body);
      const decoded = decode(bytes, { format: 'event', tenant: 't', source: 'http', at: '2026-01-05T00:00:00Z' });
      if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
      expect(decoded.envelope.eventId).toBe(eventIdOf(body, bytes));
      expect(key.length).toBeGreaterThan(0);
      ids.add(decoded.envelope.eventId);
    }
    expect(ids.size).toBe(2_000);
  });

  it('come at the rate that was asked for', () => {
    const times = take(type, 5_000, 'rate', 10).map(({ body }) => timeOf(body));
    const latest = Math.max(...times.filter((time) => !Number.isNaN(time)));
    // Orders and shipments also tell of times before; none tells of what has not happened yet.
    expect((latest - FROM_MS) / 5_000).toBeGreaterThan(9);
    expect((latest - FROM_MS) / 5_000).toBeLessThan(11);
  });
});

describe('flat events have exactly the members that they are promised to have:', () => {
  it.each([
    ['order', 'order_id customer_id order_date status items total_amount currency event_date'],
    ['inventory', 'inventory_id product_id quantity_change warehouse_id reason timestamp event_date'],
    ['user_activity', 'user_id session_id activity_type page_url timestamp event_date'],
  ] as const)('%s', (type, members) => {
    const found = new Set(bodies(type, 500).map((body) => Object.keys(body).sort().join(' ')));
    expect([...found]).toEqual([['event_type', ...members.split(' ')].sort().join(' ')]);
    expect(new Set(bodies(type, 500).map((body) => body['event_type']))).toEqual(new Set([type]));
  });
});

it('an order costs the sum of its items, to the last cent of its currency', () => {
  const orders = bodies('order', 3_000) as unknown as Order[];
  expect(new Set(orders.map(({ currency }) => currency)).size).toBeGreaterThan(3);
  for (const { items, total_amount: total, currency } of orders) {
    const digits = currency === 'JPY' ? 0 : 2;
    const units = items.reduce((sum, item) => sum + item.quantity * Math.round(item.unit_price * 10 ** digits), 0);
    expect([currency, total]).toEqual([currency, Number((units / 10 ** digits).toFixed(digits))]);
    expect(items.length).toBeGreaterThan(0);
  }
});

it('an order keeps what was ordered, and goes from placed on', () => {
  const lives = grouped(bodies('order', 3_000) as unknown as Order[], (order) => order.order_id);
  const ways = new Set(lives.map((life) => life.map(({ status }) => status).join(' ')));
  expect(ways).toContain('placed paid packed shipped delivered');
  expect(ways).toContain('placed cancelled');
  expect(
    [...ways].filter(
      (way) => !/^placed( paid( packed( shipped( delivered( returned)?)?)?| cancelled)?| cancelled)?$/.test(way),
    ),
  ).toEqual([]);
  for (const life of lives)
    expect(
      new Set(life.map(({ items, total_amount, order_date }) => JSON.stringify([items, total_amount, order_date])))
        .size,
    ).toBe(1);
});

it('a few customers order most', () => {
  const placed = (bodies('order', 20_000) as unknown as Order[]).filter(({ status }) => status === 'placed');
  const counts = grouped(placed, (order) => order.customer_id)
    .map((orders) => orders.length)
    .sort((a, b) => b - a);
  const share = counts.slice(0, Math.ceil(counts.length / 10)).reduce((sum, n) => sum + n, 0) / placed.length;
  expect(share).toBeGreaterThan(0.4);
  expect(share).toBeLessThan(0.9);
});

it('stock is never below zero, and what leaves in a transfer arrives elsewhere', () => {
  const moves = bodies('inventory', 20_000) as unknown as Movement[];
  const stock = new Map<string, number>();
  moves.forEach(({ product_id, warehouse_id, quantity_change, reason }, i) => {
    const key = `${product_id} ${warehouse_id}`;
    const left = (stock.get(key) ?? 120) + quantity_change;
    stock.set(key, left);
    expect(left).toBeGreaterThanOrEqual(0);
    expect(quantity_change).not.toBe(0);
    if (reason !== 'transfer_out' || i + 1 === moves.length) return;
    const into = moves[i + 1];
    expect(into).toMatchObject({ reason: 'transfer_in', product_id, quantity_change: -quantity_change });
    expect(into.warehouse_id).not.toBe(warehouse_id);
  });
  expect(new Set(moves.map(({ reason }) => reason)).size).toBe(7);
});

it('a visit begins on the front page and buys only what is in the cart', () => {
  const visits = grouped(bodies('user_activity', 20_000) as unknown as Click[], (click) => click.session_id);
  expect(visits.length).toBeGreaterThan(1_000);
  let purchases = 0;
  for (const visit of visits) {
    expect([visit[0].activity_type, visit[0].page_url]).toEqual(['page_view', 'https://shop.example/']);
    expect(new Set(visit.map(({ user_id: user }) => user)).size).toBe(1);
    let cart = 0;
    visit.forEach(({ activity_type: activity, timestamp }, i) => {
      if (i > 0) expect(timestamp > visit[i - 1].timestamp).toBe(true);
      if (activity === 'add_to_cart') cart++;
      if (activity === 'remove_from_cart') cart--;
      if (activity === 'purchase') {
        expect(cart).toBeGreaterThan(0);
        expect(visit[i - 1].activity_type).toBe('checkout');
        purchases++;
        cart = 0;
      }
    });
  }
  expect(purchases).toBeGreaterThan(50);
});

describe('shipments', () => {
  const events = bodies('shipment', 5_000) as unknown as Shipment[];
  const lives = grouped(events, ({ payload }) => payload.shipment_id);

  it('satisfy their contract', () => {
    const contracts = contractSet(
      1,
      readCatalogDir().map(({ contract }) => compile(contract)),
    );
    const contract = contracts.byEventType('shipment.status.changed');
    for (const event of events) {
      const value = bytesOf(event as unknown as EventBody);
      const decoded = decode(value, { format: 'event', tenant: 't', source: 'http', at: '2026-01-05T00:00:00Z' });
      if (!decoded.ok) throw new Error(JSON.stringify(decoded.refusal));
      expect(contract?.validate(decoded.envelope.payload, decoded.envelope)).toEqual([]);
    }
  });

  it('go from created to the end, each event after the one before', () => {
    const ways = new Set(lives.map((life) => life.map(({ payload }) => payload.status).join(' ')));
    expect([...ways].filter((way) => !LIFE.test(way))).toEqual([]);
    expect(ways).toContain('created exception');
    expect(ways).toContain('created picked_up in_transit out_for_delivery delivered');
    for (const life of lives) {
      const times = life.map(({ event_time: time }) => time);
      expect(times).toEqual([...times].sort());
    }
  });

  it('move along their lane, at the service day of its origin', () => {
    for (const life of lives) {
      const { lane, service_date: day, planned_pickup: pickup } = life[0].payload;
      const [origin, destination] = lane.split('-');
      for (const { payload } of life) {
        expect([origin, destination]).toContain(payload.facility_id);
        if (payload.status === 'delivered') expect(payload.facility_id).toBe(destination);
      }
      // New York is five hours behind in January.
      expect(day).toBe(new Date(Date.parse(pickup) - 5 * 3_600_000).toISOString().slice(0, 10));
    }
  });

  it('are about as punctual as the carriers of the data set', () => {
    const delivered = events.filter(({ payload }) => payload.status === 'delivered');
    const late = delivered.filter(({ event_time: at, payload }) => Date.parse(at) - Date.parse(payload.eta) >= 900_000);
    expect(late.length / delivered.length).toBeGreaterThan(0.1);
    expect(late.length / delivered.length).toBeLessThan(0.35);
  });
});

it('what devices report obeys physics', () => {
  const readings = bodies('telemetry', 15_000) as unknown as Reading[];
  const devices = grouped(readings, ({ payload }) => payload.device_id);
  expect(devices).toHaveLength(30);
  const broken: unknown[] = [];
  let stood = 0;
  for (const device of devices) {
    for (let i = 1; i < device.length; i++) {
      const [before, now] = [device[i - 1].payload, device[i].payload];
      const seconds = (Date.parse(now.recorded_at) - Date.parse(before.recorded_at)) / 1_000;
      const km = now.odometer_km - before.odometer_km;
      const moved = distanceKm([before.geo.lat, before.geo.lon], [now.geo.lat, now.geo.lon]);
      const laws = {
        forward: km >= 0 && km <= (120 * seconds) / 3_600 + 0.01,
        distance: Math.abs(moved - km) <= 0.3 * km + 0.01,
        acceleration: Math.abs(now.speed_kmh - before.speed_kmh) <= 2 * seconds + 0.2,
        cargo: Math.abs(now.cargo_temperature_c - before.cargo_temperature_c) < 1 + seconds / 60,
        battery: now.battery_percent >= 0 && now.battery_percent <= 100,
      };
      if (!Object.values(laws).every(Boolean)) broken.push({ laws, before, now });
      if (now.speed_kmh === 0) stood++;
    }
  }
  expect(broken).toEqual([]);
  expect(stood).toBeGreaterThan(0);
});

const LIFE = /^created( exception| picked_up( in_transit){0,2}( out_for_delivery( delivered| exception)?)?)?$/;

const timeOf = (body: EventBody): number =>
  Date.parse((body['event_time'] ?? body['timestamp'] ?? body['order_date']) as string);

interface Order {
  readonly order_id: string;
  readonly customer_id: string;
  readonly order_date: string;
  readonly status: string;
  readonly currency: string;
  readonly total_amount: number;
  readonly items: readonly { readonly quantity: number; readonly unit_price: number }[];
}
interface Movement {
  readonly product_id: string;
  readonly warehouse_id: string;
  readonly quantity_change: number;
  readonly reason: string;
}
interface Click {
  readonly user_id: string;
  readonly session_id: string;
  readonly activity_type: string;
  readonly page_url: string;
  readonly timestamp: string;
}
interface Shipment {
  readonly event_time: string;
  readonly payload: Readonly<
    Record<'shipment_id' | 'status' | 'lane' | 'facility_id' | 'service_date' | 'planned_pickup' | 'eta', string>
  >;
}
interface Reading {
  readonly payload: {
    readonly device_id: string;
    readonly recorded_at: string;
    readonly geo: { readonly lat: number; readonly lon: number };
    readonly speed_kmh: number;
    readonly odometer_km: number;
    readonly cargo_temperature_c: number;
    readonly battery_percent: number;
  };
}
