import type { EventProfile, FieldProfile } from '@millrace/topics';
import type { ProtectedNode } from '../privacy';
import { FieldNode, type Room } from './field-node';
import { OTHER_SOURCES, PROFILE_BYTES_MAX, PROFILES_BY_SOURCE_MAX, PROFILES_MAX, SOURCES_MAX } from './limits';

/** What events of one profile have in common. */
export type ProfileKey = Pick<EventProfile, 'tenant' | 'source' | 'eventType' | 'contract'>;

interface Group extends ProfileKey {
  readonly room: Room;
  readonly root: FieldNode;
  readonly classified: ProtectedNode | null;
  events: number;
}

const REMEMBERED_MAX = 1_024;

/** Counts what the events of one batch look like: a few hundred nanoseconds an event, and bounded whatever they are. */
export class Profiler {
  private readonly groups = new Map<string, Group>();
  /** How many sources are told apart of the others of a kind. */
  private readonly sources = new Map<string, number>();
  private last: Group | null = null;
  private lastSource = '';
  /** Of the kind of the last event: where events of a source are counted. */
  private readonly bySource = new Map<string, Group>();
  private left = 0;

  /**
   * @param payload as JSON.parse gives it
   * @param classified where the contract classifies fields
   */
  observe(
    tenant: string,
    source: string,
    eventType: string,
    contract: string | null,
    payload: unknown,
    classified: ProtectedNode | null = null,
  ): void {
    let group = this.last;
    if (group === null || group.eventType !== eventType || group.contract !== contract || group.tenant !== tenant) {
      this.bySource.clear();
      group = null;
    } else if (this.lastSource !== source) group = this.bySource.get(source) ?? null;
    if (group === null) {
      group = this.groupOf({ tenant, source, eventType, contract }, classified);
      if (group === null) {
        this.left++;
        return;
      }
      if (this.bySource.size < REMEMBERED_MAX) this.bySource.set(source, group);
    }
    this.last = group;
    this.lastSource = source;
    group.events++;
    group.root.observe(payload);
  }

  private groupOf(key: ProfileKey, classified: ProtectedNode | null): Group | null {
    const id = JSON.stringify([key.tenant, key.source, key.eventType, key.contract]);
    const known = this.groups.get(id);
    if (known) return known;
    if (key.source !== OTHER_SOURCES) {
      const kind = JSON.stringify([key.tenant, key.eventType, key.contract]);
      const told = this.sources.get(kind) ?? 0;
      if (told >= SOURCES_MAX || (told > 0 && this.groups.size >= PROFILES_BY_SOURCE_MAX))
        return this.groupOf({ ...key, source: OTHER_SOURCES }, classified);
      this.sources.set(kind, told + 1);
    }
    if (this.groups.size >= PROFILES_MAX) return null;
    const room: Room = { fields: 0, overflow: 0 };
    const group: Group = { ...key, classified, room, root: new FieldNode('payload', 0, 0, room), events: 0 };
    this.groups.set(id, group);
    return group;
  }

  /** The largest of each kind, then the others: where there is no room for all, each kind is told of. */
  private largestFirst(): readonly Group[] {
    const all = [...this.groups.values()].sort((a, b) => b.events - a.events);
    const seen = new Set<string>();
    const isFirst = ({ tenant, eventType, contract }: Group): boolean => {
      const kind = JSON.stringify([tenant, eventType, contract]);
      return !seen.has(kind) && Boolean(seen.add(kind));
    };
    const first = new Set(all.filter(isFirst));
    return [...first, ...all.filter((group) => !first.has(group))];
  }

  /** As a message carries them: as many as there is room for, and how many events the others are of. */
  done(): { readonly profiles: readonly EventProfile[]; readonly unprofiled: number } {
    const profiles: EventProfile[] = [];
    let unprofiled = this.left;
    let bytes = 0;
    for (const { root, classified, room, events, tenant, source, eventType, contract } of this.largestFirst()) {
      const { fields, left } = fitting(root.profiles([], classified));
      const overflow = room.overflow + left;
      const profile: EventProfile = { tenant, source, eventType, contract, events, fields, overflow };
      const size = Buffer.byteLength(JSON.stringify(profile));
      if (bytes + size > PROFILE_BYTES_MAX) unprofiled += events;
      else {
        profiles.push(profile);
        bytes += size;
      }
    }
    return { profiles, unprofiled };
  }
}

/** A profile may have half of the room: names can be long. */
function fitting(fields: readonly FieldProfile[]): { readonly fields: readonly FieldProfile[]; readonly left: number } {
  let bytes = 0;
  for (const [at, field] of fields.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(field)) + 1;
    if (bytes > PROFILE_BYTES_MAX / 2) return { fields: fields.slice(0, at), left: fields.length - at };
  }
  return { fields, left: 0 };
}
