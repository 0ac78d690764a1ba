import type { CompatibilityMode } from '@millrace/contracts/compatibility';
import type { ReadSchema, SchemaType } from './read-schema';

export const MODES = ['READWRITE', 'READONLY'] as const;
export type Mode = (typeof MODES)[number];

/** A schema under its id: never changed, and no other schema ever has the id. */
export interface RegisteredSchema {
  readonly id: number;
  readonly type: SchemaType;
  /** As it was registered first. */
  readonly text: string;
}

/** A version of a subject. */
export interface SubjectVersion extends RegisteredSchema {
  readonly subject: string;
  /** From 1. */
  readonly version: number;
  /** Soft deleted: shown only to who asks for it, and still decodable. */
  readonly deleted: boolean;
}

/** A subject whose schemas are those of a contract's versions. */
export interface Binding {
  readonly subject: string;
  readonly contract: string;
  readonly type: SchemaType;
}

/** What belongs to a subject, or to all of them (`''`). */
export interface SubjectSettings {
  readonly compatibility: CompatibilityMode | null;
  readonly mode: Mode | null;
}

/**
 * What is registered. Changes are made in `change`, one at a time over all processes, so that ids and versions have no
 * two meanings; reading waits for nobody.
 */
export interface SchemaStore {
  schema(id: number): Promise<RegisteredSchema | null>;
  /** All versions of a subject with the deleted ones, oldest first. */
  versions(subject: string): Promise<readonly SubjectVersion[]>;
  /** Subjects and versions that a schema is registered under, with the deleted ones. */
  uses(id: number): Promise<readonly Pick<SubjectVersion, 'subject' | 'version' | 'deleted'>[]>;
  /** Subjects with at least one version; `deleted` includes those of which all are soft deleted. */
  subjects(prefix: string, deleted: boolean, limit: number): Promise<readonly string[]>;
  /** The schema with this fingerprint, or null. */
  known(fingerprint: string): Promise<RegisteredSchema | null>;
  settings(subject: string): Promise<SubjectSettings>;
  setSettings(subject: string, settings: Partial<SubjectSettings>): Promise<void>;
  binding(subject: string): Promise<Binding | null>;
  bindings(contract: string): Promise<readonly Binding[]>;
  change<T>(work: (change: SchemaChange) => Promise<T>): Promise<T>;
}

/** A change under way: what it reads is the newest state, and all of it happens or nothing. */
export interface SchemaChange {
  versions(subject: string): Promise<readonly SubjectVersion[]>;
  /** The id of a schema with this fingerprint, or null. */
  known(fingerprint: string): Promise<RegisteredSchema | null>;
  /** The number after the highest id that was ever given. */
  nextId(): Promise<number>;
  addSchema(id: number, schema: ReadSchema): Promise<void>;
  addVersion(subject: string, version: number, id: number): Promise<void>;
  softDelete(subject: string, versions: readonly number[]): Promise<void>;
  hardDelete(subject: string, versions: readonly number[]): Promise<void>;
  bind(binding: Binding): Promise<void>;
  unbind(subject: string): Promise<boolean>;
}
