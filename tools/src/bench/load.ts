import http from 'node:http';

export interface LoadOptions {
  readonly origin: string;
  readonly seconds: number;
  /** Events a second; 0 for as fast as they are acknowledged. */
  readonly rate: number;
  readonly perRequest: number;
  readonly connections: number;
  /** Events to send, should that be less than the time allows. */
  readonly events?: number;
  /** Month of the events, `YYYY-MM`. Default 2013-06. */
  readonly month?: string;
  /** Told of every acknowledged request: its first event's number, how many, and when the answer came. */
  readonly onAcknowledged?: (first: number, count: number, at: number) => void;
}

export interface LoadResult {
  readonly acknowledged: number;
  /** Requests answered 429 or 503. */
  readonly refused: number;
  readonly seconds: number;
  /** Latency of requests, ms, sorted. */
  readonly latencies: readonly number[];
}

const STATUSES = ['created', 'picked_up', 'delivered'];
const CARRIERS = ['AA', 'B6', 'DL', 'EV', 'UA', 'US', 'WN'];

/** The i-th event of a run, about 600 bytes: unique, valid under the shipment contract, over some thirty days. */
export function shipmentEvent(run: string, i: number, month = '2013-06'): string {
  const shipment = Math.floor(i / 3);
  const day = String(1 + (Math.floor(shipment / 500) % 28)).padStart(2, '0');
  const minute = String(shipment % 60).padStart(2, '0');
  const carrier = CARRIERS[shipment % CARRIERS.length];
  const id = `${run}-${carrier}${shipment}`;
  return `{"event_id":"${id}:${STATUSES[i % 3]}","event_type":"shipment.status.changed","event_version":1,"event_time":"${month}-${day}T1${i % 3}:${minute}:00Z","producer_time":"${month}-${day}T1${i % 3}:${minute}:01Z","source":"bench","tenant_id":"demo","payload":{"shipment_id":"${id}","status":"${STATUSES[i % 3]}","service_date":"${month}-${day}","carrier_code":"${carrier}","service_no":${1 + (shipment % 4000)},"facility_id":"JFK","geo":{"lat":40.639751,"lon":-73.778925},"lane":"JFK-BQN","distance_miles":1576,"planned_pickup":"${month}-${day}T11:${minute}:00Z","eta":"${month}-${day}T12:30:00Z","driver":{"driver_id":"N${shipment % 900}JB","phone":"+15550192559","email":"n554jb@fleet.example"}}}`;
}

/** Posts NDJSON over keep-alive connections, one request in flight on each. */
export async function load(run: string, options: LoadOptions): Promise<LoadResult> {
  const { origin, seconds, rate, perRequest, connections, month, onAcknowledged, events = Infinity } = options;
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const result = { acknowledged: 0, refused: 0 };
  let next = 0;
  const began = performance.now();
  const end = began + seconds * 1000;
  const lane = async (): Promise<void> => {
    while (performance.now() < end && next < events) {
      const first = next;
      next += perRequest;
      let due = performance.now();
      if (rate > 0) {
        due = began + (first / rate) * 1000;
        if (due >= end) return;
        if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
      }
      let body = '';
      for (let i = first; i < first + perRequest; i++) body += `${shipmentEvent(run, i, month)}\n`;
      // A refused request is repeated: the events of a run are all wanted.
      for (;;) {
        const { status, retryAfterSeconds } = await post(agent, origin, body);
        if (status < 300) break;
        if (status !== 429 && status !== 503) throw new Error(`POST /v1/events was answered with ${status}`);
        result.refused++;
        await new Promise((resolve) => setTimeout(resolve, retryAfterSeconds * 1000));
      }
      const at = performance.now();
      latencies.push(at - due);
      result.acknowledged += perRequest;
      onAcknowledged?.(first, perRequest, at);
    }
  };
  await Promise.all(Array.from({ length: connections }, lane));
  const took = (performance.now() - began) / 1000;
  agent.destroy();
  return { ...result, seconds: took, latencies: latencies.sort((a, b) => a - b) };
}

function post(agent: http.Agent, origin: string, body: string): Promise<{ status: number; retryAfterSeconds: number }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': Buffer.byteLength(body) };
    const request = http.request(`${origin}/v1/events`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, retryAfterSeconds: Number(response.headers['retry-after'] ?? 1) }),
      );
    });
    request.on('error', reject);
    request.end(body);
  });
}
