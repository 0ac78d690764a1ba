import type { Backlog } from '../port';
import type { Sessions } from './session';

/** The batch that a position lies in is found by the primary key, one step a partition and group. */
const BACKLOG = `
  SELECT t.bytes_max, (SELECT coalesce(sum(h.bytes), 0) FROM log.head h WHERE h.topic = t.id) AS bytes, u.*
    FROM log.topic t LEFT JOIN (
      SELECT g.topic, g.name, sum(h.next - p.next) AS records,
             (extract(epoch FROM clock_timestamp() - min(b.appended_at)) * 1000)::float8 AS age_ms
        FROM log.consumer_group g
        JOIN log.position p ON p.grp = g.id
        JOIN log.head h ON h.topic = g.topic AND h.part = p.part
        LEFT JOIN LATERAL (
          SELECT o.appended_at FROM log.batch o
           WHERE o.topic = h.topic AND o.part = h.part AND o.base <= p.next AND p.next < h.next
           ORDER BY o.base DESC LIMIT 1) b ON true
       WHERE g.topic = $1 GROUP BY g.topic, g.name) u ON u.topic = t.id
   WHERE t.id = $1 ORDER BY u.name`;

interface BacklogRow {
  readonly bytes: string;
  readonly bytes_max: string | null;
  readonly name: string | null;
  readonly records: string;
  readonly age_ms: number | null;
}

export async function readBacklog(sessions: Sessions, topic: number): Promise<Backlog> {
  const rows = await sessions.query<BacklogRow>('log.backlog', BACKLOG, [topic]);
  const [{ bytes, bytes_max: bytesMax }] = rows;
  return {
    bytes: Number(bytes),
    bytesMax: bytesMax === null ? null : Number(bytesMax),
    groups: rows.flatMap(({ name, records, age_ms: ageMs }) =>
      name === null ? [] : [{ group: name, records: Number(records), ageMs: Math.max(0, ageMs ?? 0) }],
    ),
  };
}
