import { type EventStream, type GeneratedEvent, type StreamOptions, timestamp } from './event';
import { SeededRandom, Weighted } from './seeded-random';
import { type Carrier, CARRIERS, FACILITIES, type Lane } from './shipment-network';
import { LifeStream, tagOf, WorldClock } from './world';

export const SHIPMENT_EVENT_TYPE = 'shipment.status.changed';

type Status = 'created' | 'picked_up' | 'in_transit' | 'out_for_delivery' | 'delivered' | 'exception';

interface Step {
  readonly status: Status;
  readonly atMs: number;
  readonly facility: string;
}

interface Shipment {
  readonly id: string;
  readonly steps: readonly Step[];
  /** The payload but for status and place. */
  readonly payload: Readonly<Record<string, unknown>>;
  done: number;
}

const MINUTE_MS = 60_000;
/** A shipment is registered about this long before its pickup. */
const NOTICE_MINUTES = { min: 45, max: 600 };
const DRIVERS = 900;
/** A life has about five events. */
const LIVES = { birthShare: 0.2, paceMs: 1_800_000 };

const CARRIERS_BY_USE = new Weighted(CARRIERS, ({ lanes }) => lanes.reduce((sum, { weight }) => sum + weight, 0));
const LANES_BY_USE = new Map(CARRIERS.map((carrier) => [carrier, new Weighted(carrier.lanes, ({ weight }) => weight)]));

/**
 * `shipment.status.changed` events, as the shipment contract has them: shipments of real carriers over real lanes, each
 * from created to delivered or to an exception, as punctual as its carrier. Events of a shipment come in order; several
 * shipments are under way at once. `service_date` is the local day of the planned pickup at the origin (New York).
 */
export function shipmentStream(options: StreamOptions): EventStream {
  const random = new SeededRandom(`shipment\0${options.seed}`);
  const tag = tagOf('shipment', options.seed);
  const clock = new WorldClock(random, options);
  let begun = 0;
  return new LifeStream<Shipment>(
    random,
    clock,
    {
      begin: (nowMs) => {
        const life = makeShipment(random, nowMs, `${tag}-${++begun}`);
        return { life, event: eventOf(life) };
      },
      proceed: (shipment) => (++shipment.done < shipment.steps.length ? eventOf(shipment) : null),
    },
    LIVES,
    options.gapMs,
  );
}

/** A shipment whose last event is at `nowMs`: all of its events have happened. */
function makeShipment(random: SeededRandom, nowMs: number, serial: string): Shipment {
  const carrier = CARRIERS_BY_USE.draw(random);
  const lane = (LANES_BY_USE.get(carrier) as Weighted<Lane>).draw(random);
  const [origin] = lane.lane.split('-');
  const planned = stepsOf(random, carrier, lane);
  const pickupMs = Math.floor((nowMs - planned[planned.length - 1].atMs) / MINUTE_MS) * MINUTE_MS;
  const steps = planned.map((step) => ({ ...step, atMs: step.atMs + pickupMs }));
  const local = newYork(pickupMs);
  const serviceNo = random.between(1, 6_000);
  const driver = random.between(1, DRIVERS);
  return {
    id: `${local.date.replaceAll('-', '')}-${carrier.code}${serviceNo}-${origin}-${local.time}-${serial}`,
    steps,
    done: 0,
    payload: {
      service_date: local.date,
      carrier_code: carrier.code,
      service_no: serviceNo,
      lane: lane.lane,
      distance_miles: lane.miles,
      planned_pickup: wholeSeconds(pickupMs),
      eta: wholeSeconds(pickupMs + lane.minutes * MINUTE_MS),
      driver: {
        driver_id: `${carrier.code}-D${String(driver).padStart(4, '0')}`,
        phone: `+1555${String(1_000_000 + driver * 7_919)}`,
        email: `d${driver}@${carrier.code.toLowerCase()}.example`,
      },
    },
  };
}

/** What happens to a shipment, in ms from its planned pickup. */
function stepsOf(random: SeededRandom, carrier: Carrier, { lane, minutes }: Lane): Step[] {
  const [origin, destination] = lane.split('-');
  const at = (status: Status, minute: number, facility: string): Step => ({
    status,
    atMs: Math.round(minute * MINUTE_MS),
    facility,
  });
  const created = at('created', -random.between(NOTICE_MINUTES.min, NOTICE_MINUTES.max), origin);
  // Most exceptions come at the door: nothing to pick up, or nobody to pick it up.
  const failsAtPickup = random.chance(carrier.exceptionShare * 0.8);
  if (failsAtPickup) return [created, at('exception', random.between(0, 40), origin)];
  const pickup = random.chance(0.7) ? random.between(-8, 4) : 4 + random.exponential(22);
  const delay = carrier.delayMinutesMedian + random.normal(0, 11) + (random.chance(0.22) ? random.exponential(48) : 0);
  const delivery = Math.max(pickup + 0.7 * minutes, minutes + delay);
  const steps = [created, at('picked_up', pickup, origin)];
  const scans = random.between(0, minutes > 150 ? 2 : 1);
  const between = (share: number): number => pickup + (delivery - pickup) * share;
  for (let i = 1; i <= scans; i++) {
    // The first half of the way is reported by the origin's hub, the second by the destination's.
    const share = i / (scans + 1);
    steps.push(at('in_transit', between(share * 0.8), share < 0.5 ? origin : destination));
  }
  steps.push(at('out_for_delivery', between(0.92), destination));
  const fails = random.chance(carrier.exceptionShare * 0.2);
  steps.push(at(fails ? 'exception' : 'delivered', delivery, destination));
  return steps;
}

function eventOf({ id, steps, done, payload }: Shipment): GeneratedEvent {
  const { status, atMs, facility } = steps[done];
  const [lat, lon] = FACILITIES[facility];
  return {
    key: id,
    body: {
      // A scan may be repeated under way; its number tells the two apart.
      event_id: `${id}:${status === 'in_transit' ? `${status}-${done - 1}` : status}`,
      event_type: SHIPMENT_EVENT_TYPE,
      event_version: 1,
      event_time: wholeSeconds(atMs),
      producer_time: wholeSeconds(atMs + 1_000),
      source: 'event-generator',
      payload: { shipment_id: id, status, facility_id: facility, geo: { lat, lon }, ...payload },
    },
  };
}

const wholeSeconds = (ms: number): string => `${timestamp(ms).slice(0, 19)}Z`;

const NEW_YORK = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/New_York',
  dateStyle: 'short',
  timeStyle: 'short',
  hourCycle: 'h23',
});
const HOUR_MS = 3_600_000;
let lastHour = -1;
let lastOffsetMs = 0;

/** Local day and `HHMM` in New York, where all origins are. Offsets change on the hour, so one an hour is asked for. */
function newYork(ms: number): { date: string; time: string } {
  const hour = Math.floor(ms / HOUR_MS);
  if (hour !== lastHour) {
    const parts = Object.fromEntries(
      NEW_YORK.formatToParts(hour * HOUR_MS).map(({ type, value }) => [type, Number(value)]),
    );
    const { year, month, day, hour: hours, minute } = parts as Record<string, number>;
    lastOffsetMs = Date.UTC(year, month - 1, day, hours, minute) - hour * HOUR_MS;
    lastHour = hour;
  }
  const local = timestamp(ms + lastOffsetMs);
  return { date: local.slice(0, 10), time: local.slice(11, 13) + local.slice(14, 16) };
}
