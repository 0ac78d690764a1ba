import { createLogger, createMetrics } from '@millrace/observability';
import { createMemoryMessaging, MemoryLog } from '../memory';
import { batchOf, take, until } from '../testing/records';
import { ManualTime } from '../testing/manual-time';
import { alarmsOf, LogWatch } from './index';

const LIMITS = { unreadMsMax: 60_000, fullShareMax: 0.5 };

describe('alarms', () => {
  const group = (name: string, records: number, ageMs: number) => ({ group: name, records, ageMs });
  const groupsOf = (bytes: number, ...groups: ReturnType<typeof group>[]) =>
    alarmsOf('t', { bytes, bytesMax: 100, groups }, LIMITS).map((alarm) => alarm.group);

  it('are of groups whose oldest unread record is too old', () => {
    expect(groupsOf(10, group('a', 1, 60_001), group('b', 5, 60_000), group('c', 0, 99_999))).toEqual(['a']);
  });

  it('are of the slowest group of a topic that is nearly full, however recent', () => {
    expect(groupsOf(51, group('a', 1, 10), group('b', 5, 20))).toEqual(['b']);
    expect(groupsOf(51, group('a', 0, 0))).toEqual([]);
  });

  it('say who, what, since when and how full', () => {
    const backlog = { bytes: 80, bytesMax: 100, groups: [group('curation', 12, 3 * 3_600_000)] };
    expect(alarmsOf('events.inbound', backlog, LIMITS)[0].text).toBe(
      'curation has not read 12 records of events.inbound, the oldest for 3 h; events.inbound is filled to 80 %',
    );
  });
});

it('tells when a group stops reading and when it reads again, and shows it until then', async () => {
  const time = new ManualTime();
  const lines: string[] = [];
  const logger = createLogger({
    service: 'test',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  });
  const metrics = createMetrics('test', { process: false });
  const messaging = createMemoryMessaging({ log: new MemoryLog(time) });
  await messaging.ensureTopic('t', { partitions: 2, bytesMax: 1_000_000 });
  await messaging.ensureGroup('t', 'readers');
  const watch = new LogWatch({ ...LIMITS, messaging, metrics, logger, topics: ['t'], everyMs: 10_000, timers: time });
  await watch.start();
  await messaging.append('t', batchOf('one', 'two'), { partition: '1' });
  await time.advance(59_000);
  expect(watch.notice()).toBeNull();
  await time.advance(12_000);
  expect(watch.notice()).toMatch(/^readers has not read 2 records of t, the oldest for 1 min; t is filled to 0 %$/);
  expect(await metrics.render()).toMatch(/millrace_log_unread_seconds{topic="t",group="readers"[^}]*} 7\d/);
  await time.advance(100_000);

  await take(await messaging.subscribe({ topic: 't', group: 'readers' }), 2);
  await until(async () => (await messaging.committed('t', 'readers')).get('1') === 2);
  await time.advance(10_000);
  expect(watch.notice()).toBeNull();
  await watch.stop();
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    'a group does not read its topic',
    'a group reads its topic again',
  ]);
  await messaging.close();
});
