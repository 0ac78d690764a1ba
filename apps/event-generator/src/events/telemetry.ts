import { derivedEventId } from '@millrace/envelope';
import { type EventStream, type GeneratedEvent, type StreamOptions, timestamp } from './event';
import { SeededRandom } from './seeded-random';
import { CARRIERS, FACILITIES } from './shipment-network';
import { WorldClock } from './world';

export const TELEMETRY_EVENT_TYPE = 'device.telemetry';

type Place = readonly [lat: number, lon: number];

interface Vehicle {
  readonly id: string;
  from: Place;
  to: Place;
  /** Length of the way, and how far along it the vehicle is, km. */
  legKm: number;
  doneKm: number;
  /** Standing still until then, ms since the epoch. */
  restsUntilMs: number;
  lastMs: number;
  speedKmh: number;
  readonly cruiseKmh: number;
  odometerKm: number;
  /** Of the tracker: charged by the engine, drained when it stands. */
  batteryPct: number;
  engineC: number;
  readonly setpointC: number;
  cargoC: number;
  readings: number;
}

const EARTH_KM = 6_371;
const EVERY_MS = 30_000;
const VEHICLES = { min: 5, max: 5_000 };
/** What a loaded lorry does, and can do. */
const CRUISE_KMH = { min: 68, max: 96 };
const ACCELERATION_KMH_PER_SECOND = 2;
const AMBIENT_C = 14;
const DOORS_OPEN_SHARE = 0.15;
/** Time constants of how fast temperatures follow, s. */
const CARGO_SECONDS = 1_800;
const ENGINE_SECONDS = 240;

/**
 * `device.telemetry` events: refrigerated lorries that drive between real facilities, each reporting in turn, about every
 * 30 s. What they report obeys physics: distance is speed times time, speed changes by at most 2 km/h a second, odometers
 * never run backwards, temperatures and the tracker's battery move by degrees.
 */
export function telemetryStream(options: StreamOptions): EventStream {
  const random = new SeededRandom(`telemetry\0${options.seed}`);
  const clock = new WorldClock(random, options);
  const wanted = Math.round(EVERY_MS / options.gapMs);
  const count = Math.min(VEHICLES.max, Math.max(VEHICLES.min, wanted));
  const vehicles = Array.from({ length: count }, (_, i) => makeVehicle(random, i, options.fromMs));
  let turn = 0;
  return {
    next() {
      const vehicle = vehicles[turn++ % vehicles.length];
      drive(vehicle, clock.tick(), random);
      return reading(vehicle, options.seed);
    },
  };
}

function makeVehicle(random: SeededRandom, index: number, fromMs: number): Vehicle {
  const [from, to] = leg(random);
  const legKm = distanceKm(from, to);
  const setpointC = random.pick([-18, 4, 4, 15]);
  return {
    id: `truck-${String(index + 1).padStart(4, '0')}`,
    from,
    to,
    legKm,
    doneKm: random.next() * legKm * 0.9,
    restsUntilMs: 0,
    lastMs: fromMs,
    speedKmh: random.between(CRUISE_KMH.min, CRUISE_KMH.max),
    cruiseKmh: random.between(CRUISE_KMH.min, CRUISE_KMH.max),
    odometerKm: random.between(5_000, 700_000),
    batteryPct: random.between(55, 100),
    engineC: 85,
    setpointC,
    cargoC: setpointC + random.normal(0, 0.4),
    readings: 0,
  };
}

/** Moves a vehicle on to `nowMs`. */
function drive(vehicle: Vehicle, nowMs: number, random: SeededRandom): void {
  const seconds = Math.max(0, nowMs - vehicle.lastMs) / 1_000;
  vehicle.lastMs = nowMs;
  const stands = nowMs < vehicle.restsUntilMs;
  const before = vehicle.speedKmh;
  const wanted = stands ? 0 : Math.max(5, random.normal(vehicle.cruiseKmh, 6));
  const change = ACCELERATION_KMH_PER_SECOND * seconds;
  vehicle.speedKmh = Math.max(0, Math.min(before + change, Math.max(before - change, wanted)));
  const km = Math.min(((before + vehicle.speedKmh) / 2) * (seconds / 3_600), vehicle.legKm - vehicle.doneKm);
  vehicle.doneKm += km;
  vehicle.odometerKm += km;
  const moves = vehicle.speedKmh > 0;
  vehicle.batteryPct = clamp(vehicle.batteryPct + (moves ? 20 : -1.5) * (seconds / 3_600), 0, 100);
  vehicle.engineC = towards(vehicle.engineC, moves ? 86 + vehicle.speedKmh / 25 : AMBIENT_C, seconds, ENGINE_SECONDS);
  // While it is unloaded the doors are open at times, and the cargo follows the weather some of the way.
  const target = vehicle.setpointC + (stands ? DOORS_OPEN_SHARE * (AMBIENT_C - vehicle.setpointC) : 0);
  vehicle.cargoC = towards(vehicle.cargoC, target, seconds, CARGO_SECONDS) + random.normal(0, 0.02);
  if (vehicle.doneKm >= vehicle.legKm) {
    // Arrived: it unloads, and goes on to somewhere else from there.
    vehicle.restsUntilMs = nowMs + random.between(15, 90) * 60_000;
    const next = legFrom(vehicle.to, random);
    Object.assign(vehicle, { from: vehicle.to, to: next, legKm: distanceKm(vehicle.to, next), doneKm: 0 });
  }
}

function reading(vehicle: Vehicle, seed: string): GeneratedEvent {
  const share = vehicle.legKm === 0 ? 0 : vehicle.doneKm / vehicle.legKm;
  const [lat, lon] = [0, 1].map((i) => vehicle.from[i] + (vehicle.to[i] - vehicle.from[i]) * share);
  const at = timestamp(vehicle.lastMs);
  return {
    key: vehicle.id,
    body: {
      event_id: derivedEventId('event-generator', TELEMETRY_EVENT_TYPE, `${seed}\0${vehicle.id}`, vehicle.readings++),
      event_type: TELEMETRY_EVENT_TYPE,
      event_version: 1,
      event_time: at,
      producer_time: at,
      source: 'event-generator',
      subject: vehicle.id,
      payload: {
        device_id: vehicle.id,
        recorded_at: at,
        geo: { lat: rounded(lat, 6), lon: rounded(lon, 6) },
        speed_kmh: rounded(vehicle.speedKmh, 1),
        heading_degrees: rounded(heading(vehicle.from, vehicle.to), 0),
        odometer_km: rounded(vehicle.odometerKm, 3),
        engine_temperature_c: rounded(vehicle.engineC, 1),
        cargo_temperature_c: rounded(vehicle.cargoC, 2),
        cargo_setpoint_c: vehicle.setpointC,
        battery_percent: rounded(vehicle.batteryPct, 1),
      },
    },
  };
}

const PLACES = [...new Set(CARRIERS.flatMap(({ lanes }) => lanes.flatMap(({ lane }) => lane.split('-'))))]
  .map((facility) => FACILITIES[facility])
  // Lorries stay on the mainland.
  .filter(([, lon]) => lon > -125);

function leg(random: SeededRandom): [Place, Place] {
  const from = random.pick(PLACES);
  return [from, legFrom(from, random)];
}

const legFrom = (from: Place, random: SeededRandom): Place => random.pick(PLACES.filter((place) => place !== from));

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/**
 * Of the straight line on a map with latitude and longitude as axes, which positions are taken from (equirectangular
 * projection at the middle of the way): speed times time is then what positions show, within a few percent.
 */
export function distanceKm(from: Place, to: Place): number {
  const x = radians(to[1] - from[1]) * Math.cos(radians((from[0] + to[0]) / 2));
  return EARTH_KM * Math.hypot(x, radians(to[0] - from[0]));
}

function heading(from: Place, to: Place): number {
  const x = radians(to[1] - from[1]) * Math.cos(radians((from[0] + to[0]) / 2));
  return ((Math.atan2(x, radians(to[0] - from[0])) * 180) / Math.PI + 360) % 360;
}

const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value));
const towards = (value: number, target: number, seconds: number, timeConstant: number): number =>
  target + (value - target) * Math.exp(-seconds / timeConstant);
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
