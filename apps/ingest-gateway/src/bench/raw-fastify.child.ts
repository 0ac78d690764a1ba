import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { fastify as createFastify } from 'fastify';

/**
 * The yardstick: Fastify as it comes, JSON parsed by it, every event validated by ajv, nothing stored. What a gateway
 * can at best be on this machine in this process model.
 */
const text = { type: 'string', minLength: 1, maxLength: 128 };
const time = { type: 'string', format: 'date-time' };
const EVENT_SCHEMA = {
  type: 'object',
  required: ['event_id', 'event_type', 'event_time', 'source', 'payload'],
  properties: {
    event_id: { type: 'string', minLength: 1, maxLength: 512 },
    event_type: { type: 'string', minLength: 1, maxLength: 200 },
    event_version: { type: 'integer', minimum: 0 },
    event_time: time,
    producer_time: time,
    source: { type: 'string' },
    tenant_id: { type: 'string' },
    payload: {
      type: 'object',
      required: ['shipment_id', 'status', 'service_date', 'carrier_code', 'facility_id'],
      properties: {
        shipment_id: text,
        status: { enum: ['created', 'picked_up', 'in_transit', 'out_for_delivery', 'delivered', 'exception'] },
        service_date: { type: 'string', format: 'date' },
        carrier_code: text,
        service_no: { type: 'integer' },
        facility_id: text,
        geo: { type: 'object', properties: { lat: { type: 'number' }, lon: { type: 'number' } } },
        lane: text,
        distance_miles: { type: 'number', minimum: 0 },
        planned_pickup: time,
        eta: time,
        driver: { type: 'object', properties: { driver_id: text, phone: text, email: text } },
      },
    },
  },
};

const ajv = new Ajv();
addFormats(ajv, { mode: 'fast' });
const validate = ajv.compile(EVENT_SCHEMA);
const app = createFastify({ bodyLimit: 16 << 20 });

app.addContentTypeParser('application/x-ndjson', { parseAs: 'string' }, (_request, body, done) => {
  const events: unknown[] = [];
  for (const line of (body as string).split('\n')) if (line !== '') events.push(JSON.parse(line));
  done(null, events);
});
app.post('/v1/events', (request, reply) => {
  const events = Array.isArray(request.body) ? request.body : [request.body];
  for (const event of events) {
    if (!validate(event)) {
      reply.code(400).send(validate.errors);
      return;
    }
  }
  reply.code(202).send({ accepted: events.length, quarantined: 0, items: [] });
});

void app.listen({ host: '127.0.0.1', port: 0 }).then((address) => process.stdout.write(`${address}\n`));
process.on('SIGTERM', () => process.exit(0));
