import type { Claim, Held, Membership, Standing } from '../subscription/source';
import type { Sessions } from './session';

interface TendRow {
  readonly o_part: number;
  readonly o_epoch: string;
  readonly o_position: string;
  readonly o_attempts: number;
  readonly o_quota: number;
}

const TEND = 'SELECT o_part, o_epoch, o_position, o_attempts, o_quota FROM log.tend($1, $2, $3, $4, $5)';
const ACKNOWLEDGE = 'SELECT part FROM log.acknowledge($1, $2, $3, $4, $5) AS part';
const RELEASE = 'SELECT log.release($1, $2, $3, $4)';

/** A member of a group, kept in the tables `position` and `member` by the database's clock. */
export class PostgresMembership implements Membership {
  constructor(
    private readonly sessions: Sessions,
    private readonly group: number,
    private readonly member: string,
    private readonly leaseMs: number,
  ) {}

  async tend(held: readonly Held[]): Promise<Standing> {
    const rows = await this.sessions.query<TendRow>('log.tend', TEND, [
      this.group,
      this.member,
      this.leaseMs,
      held.map(({ partition }) => partition),
      held.map(({ epoch }) => epoch),
    ]);
    const claims = rows.map((row): Claim => ({
      partition: row.o_part,
      epoch: Number(row.o_epoch),
      position: Number(row.o_position),
      attempts: row.o_attempts,
    }));
    return { held: claims, quota: rows[0]?.o_quota ?? 0 };
  }

  async acknowledge(positions: readonly (Held & { readonly position: number })[]): Promise<readonly number[]> {
    const rows = await this.sessions.query<{ part: number }>('log.acknowledge', ACKNOWLEDGE, [
      this.group,
      this.member,
      positions.map(({ partition }) => partition),
      positions.map(({ epoch }) => epoch),
      positions.map(({ position }) => position),
    ]);
    return rows.map(({ part }) => part);
  }

  async release(held: readonly Held[]): Promise<void> {
    if (held.length === 0) return;
    await this.sessions.query('log.release', RELEASE, [
      this.group,
      this.member,
      held.map(({ partition }) => partition),
      held.map(({ epoch }) => epoch),
    ]);
  }

  async leave(): Promise<void> {
    await this.sessions.query('log.release', RELEASE, [this.group, this.member, null, null]);
  }
}
