import type { Backlog } from '../port';

export interface AlarmLimits {
  /** A group whose oldest unread record is older than this, ms. */
  readonly unreadMsMax: number;
  /** A topic that is fuller than this, as a share of its bytes. */
  readonly fullShareMax: number;
}

export interface Alarm {
  readonly topic: string;
  readonly group: string;
  /** In words, for people. */
  readonly text: string;
}

/**
 * Groups that have not read a topic for long; and where it is nearly full, the group that keeps it so. Nothing that a
 * group has not read is trimmed, so a group that nobody runs ends in refused appends.
 */
export function alarmsOf(topic: string, backlog: Backlog, { unreadMsMax, fullShareMax }: AlarmLimits): Alarm[] {
  const { bytes, bytesMax, groups } = backlog;
  const share = bytesMax === null ? null : bytes / bytesMax;
  const filled = share === null ? '' : `; ${topic} is filled to ${Math.floor(share * 100)} %`;
  const behind = groups.filter(({ records }) => records > 0);
  const slowest = behind.reduce<(typeof behind)[number] | null>(
    (slow, group) => (!slow || group.ageMs > slow.ageMs ? group : slow),
    null,
  );
  return behind
    .filter((group) => group.ageMs > unreadMsMax || (group === slowest && share !== null && share > fullShareMax))
    .map(({ group, records, ageMs }) => ({
      topic,
      group,
      text: `${group} has not read ${records} records of ${topic}, the oldest for ${durationOf(ageMs)}${filled}`,
    }));
}

function durationOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1_000)} s`;
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
