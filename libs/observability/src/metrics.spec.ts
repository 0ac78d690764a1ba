import fc from 'fast-check';
import { createMetrics } from './metrics';

const metrics = () => createMetrics('gateway', { process: false });

describe('metrics', () => {
  it('renders Prometheus text with the service on every series', async () => {
    const m = metrics();
    m.counter('millrace_events_total', 'Events.', ['source']).inc({ source: 'we"b\n' }, 2);
    m.gauge('millrace_lag_seconds', 'Lag.', [], (gauge) => gauge.set(1.5));
    const text = await m.render();
    expect(text).toContain('# TYPE millrace_events_total counter');
    expect(text).toContain('millrace_events_total{source="we\\"b\\n",service="gateway"} 2');
    expect(text).toContain('millrace_lag_seconds{service="gateway"} 1.5');
    expect(m.contentType).toContain('version=0.0.4');
  });

  it('gives the same metric for the same name, and refuses another shape or a name outside of the rules', () => {
    const m = metrics();
    expect(m.counter('millrace_events_total', 'a')).toBe(m.counter('millrace_events_total', 'a'));
    expect(() => m.gauge('millrace_events_total', 'a')).toThrow('exists as counter()');
    expect(() => m.counter('millrace_events_total', 'a', ['x'])).toThrow('asked for as counter(x)');
    expect(() => m.counter('eventsTotal', 'a')).toThrow('is not named millrace_');
  });

  it('has the metrics of the process unless told otherwise', async () => {
    expect(await createMetrics('x').render()).toContain('process_cpu_seconds_total');
    expect(await metrics().render()).not.toContain('process_cpu_seconds_total');
  });
});

describe('held histogram series', () => {
  it('renders exactly what the library renders for the same observations', async () => {
    const buckets = [0.01, 0.1, 1];
    const observation = fc.tuple(
      fc.constantFrom('/a', '/b'),
      fc.oneof(fc.constantFrom(...buckets), fc.double({ min: 0, max: 2, noNaN: true })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(observation, { minLength: 1 }), async (observations) => {
        const ours = metrics();
        const theirs = metrics();
        const held = ours.seriesHistogram('millrace_x_seconds', 'X.', ['route'], buckets);
        const plain = theirs.histogram('millrace_x_seconds', 'X.', ['route'], buckets);
        for (const [route, value] of observations) {
          held.series(route).observe(value);
          plain.observe({ route }, value);
        }
        // The order of labels and of series means nothing.
        const sorted = (line: string) =>
          line.replace(/\{(.*)\}/, (_, labels: string) => labels.split(',').sort().join());
        const lines = async (m: typeof ours) => (await m.render()).trim().split('\n').map(sorted).sort();
        expect(await lines(ours)).toEqual(await lines(theirs));
      }),
    );
  });

  it('counts what is beyond the last bucket, and refuses buckets that do not ascend', async () => {
    const m = metrics();
    m.seriesHistogram('millrace_x_seconds', 'X.', [], [1]).series().observe(5);
    expect(await m.render()).toContain('millrace_x_seconds_bucket{le="+Inf",service="gateway"} 1');
    expect(() => m.seriesHistogram('millrace_y_seconds', 'Y.', [], [1, 1])).toThrow('ascend');
  });
});
