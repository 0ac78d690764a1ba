import type { CompatibilityMode, Verdict } from '@millrace/contracts/compatibility';
import { COMPATIBILITY_DEFAULT } from '../contracts/registry-port';
import { type ReadSchema, readSchema, type SchemaType } from './read-schema';
import { SchemaRegistryError } from './registry-error';
import { type Publisher } from './schema-files';
import type { Mode, RegisteredSchema, SchemaChange, SchemaStore, SubjectVersion } from './store';

/** Judges a proposed schema by a mode; `previous` has the newest first. */
export type JudgeSchemas = (
  mode: CompatibilityMode,
  proposed: ReadSchema,
  previous: readonly Pick<SubjectVersion, 'version' | 'type' | 'text'>[],
) => Verdict;

export interface SchemaRegistryDeps {
  readonly store: SchemaStore;
  readonly judge: JudgeSchemas;
  /** Makes a schema readable for every service, by its id, before anybody is told of the id. */
  readonly files: Publisher;
  /** Brings a bound subject up to date with its contract. */
  readonly followContract: (subject: string) => Promise<void>;
}

/** Versions of one subject. */
export const SUBJECT_VERSIONS_MAX = 1_000;
/** Settings of all subjects that have none of their own. */
export const GLOBAL = '';
const SUBJECT = /^\P{Cc}{1,255}$/u;

/**
 * Subjects, their versions, and schemas by id, as the Confluent Schema Registry has them. An id is given to a schema once;
 * equal schemas have one id under whatever subject they are registered.
 */
export class SchemaRegistry {
  constructor(private readonly deps: SchemaRegistryDeps) {}

  get store(): SchemaStore {
    return this.deps.store;
  }

  /** Registers a schema as the next version of a subject, unless it is one of its versions already. */
  async register(subject: string, type: SchemaType, text: string): Promise<{ id: number; version: number }> {
    assertSubject(subject);
    const schema = readSchema(type, text);
    await this.deps.followContract(subject);
    const binding = await this.store.binding(subject);
    const mode = await this.modeOf(subject);
    const level = await this.levelOf(subject);
    return this.store.change(async (change) => {
      const versions = await change.versions(subject);
      const known = await change.known(schema.fingerprint);
      const same = versions.find(({ id, deleted }) => id === known?.id && !deleted);
      if (same) return { id: same.id, version: same.version };
      if (binding)
        throw new SchemaRegistryError(
          'bound',
          `Subject '${subject}' has the schemas of the contract ${binding.contract}: publish a version of it in place of this schema.`,
        );
      assertWritable(subject, mode);
      return this.add(change, subject, schema, versions, level);
    });
  }

  /** Adds a version within a change: the schema under its id, after it was found compatible. */
  async add(
    change: SchemaChange,
    subject: string,
    schema: ReadSchema,
    versions: readonly SubjectVersion[],
    level: CompatibilityMode,
  ): Promise<{ id: number; version: number }> {
    if (versions.length >= SUBJECT_VERSIONS_MAX)
      throw new SchemaRegistryError('too_many', `A subject has ${SUBJECT_VERSIONS_MAX} versions at most.`);
    const previous = versions.filter(({ deleted }) => !deleted).toReversed();
    const verdict = this.deps.judge(level, schema, previous);
    if (!verdict.compatible)
      throw new SchemaRegistryError(
        'incompatible',
        `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: [${messagesOf(verdict).join(', ')}]`,
      );
    const id = (await change.known(schema.fingerprint))?.id ?? (await this.giveId(change, schema));
    const version = Math.max(0, ...versions.map((each) => each.version)) + 1;
    await change.addVersion(subject, version, id);
    return { id, version };
  }

  /** Whether a schema could be registered, and why not. Null previous versions: the whole history. */
  async test(
    subject: string,
    version: string | null,
    type: SchemaType,
    text: string,
  ): Promise<{ compatible: boolean; messages: string[] }> {
    const schema = readSchema(type, text);
    const versions = (await this.versions(subject)).filter(({ deleted }) => !deleted);
    const level = await this.levelOf(subject);
    if (version === null) {
      const verdict = this.deps.judge(level, schema, versions.toReversed());
      return { compatible: verdict.compatible, messages: messagesOf(verdict) };
    }
    if (versions.length === 0) throw subjectNotFound(subject);
    const against = pick(versions, version);
    const verdict = this.deps.judge(level, schema, [against]);
    return { compatible: verdict.compatible, messages: messagesOf(verdict) };
  }

  /** The version of a subject that has this schema. */
  async lookUp(subject: string, type: SchemaType, text: string, deleted: boolean): Promise<SubjectVersion> {
    const schema = readSchema(type, text);
    const versions = (await this.versions(subject)).filter((each) => deleted || !each.deleted);
    if (versions.length === 0) throw subjectNotFound(subject);
    const known = await this.store.known(schema.fingerprint);
    const found = versions.findLast(({ id }) => id === known?.id);
    if (!found) throw new SchemaRegistryError('schema_not_found', 'Schema not found');
    return found;
  }

  /** @param version a number, `latest` or -1 */
  async version(subject: string, version: string, deleted: boolean): Promise<SubjectVersion> {
    const versions = await this.versions(subject);
    const shown = versions.filter((each) => deleted || !each.deleted);
    if (shown.length === 0) throw subjectNotFound(subject);
    return pick(shown, version);
  }

  /** All versions of a subject, the deleted ones among them; a bound subject has its contract's. */
  async versions(subject: string): Promise<readonly SubjectVersion[]> {
    assertSubject(subject);
    await this.deps.followContract(subject);
    return this.store.versions(subject);
  }

  async schema(id: number): Promise<RegisteredSchema> {
    const found = Number.isSafeInteger(id) && id > 0 && id < 2 ** 31 ? await this.store.schema(id) : null;
    // What was deleted for good has no use any more; its id is never given to another schema.
    if (!found || (await this.store.uses(id)).length === 0)
      throw new SchemaRegistryError('schema_not_found', `Schema ${id} not found`);
    return found;
  }

  /** Deletes a subject, or one of its versions: softly, or for good what was deleted softly before. */
  async remove(subject: string, version: string | null, permanent: boolean): Promise<number[]> {
    assertSubject(subject);
    assertWritable(subject, await this.modeOf(subject));
    const binding = await this.store.binding(subject);
    if (binding)
      throw new SchemaRegistryError(
        'bound',
        `Subject '${subject}' is bound to the contract ${binding.contract}: unbind it first.`,
      );
    return this.store.change(async (change) => {
      const all = await change.versions(subject);
      if (all.length === 0) throw subjectNotFound(subject);
      const live = all.filter(({ deleted }) => !deleted);
      if (version === null) {
        if (permanent && live.length > 0)
          throw new SchemaRegistryError(
            'subject_not_soft_deleted',
            `Subject '${subject}' was not deleted first before being permanently deleted`,
          );
        if (!permanent && live.length === 0)
          throw new SchemaRegistryError(
            'subject_soft_deleted',
            `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`,
          );
        const versions = (permanent ? all : live).map((each) => each.version);
        await (permanent ? change.hardDelete(subject, versions) : change.softDelete(subject, versions));
        return versions;
      }
      const found = pick(all, version);
      if (permanent && !found.deleted)
        throw new SchemaRegistryError(
          'version_not_soft_deleted',
          `Subject '${subject}' Version ${found.version} was not deleted first before being permanently deleted`,
        );
      if (!permanent && found.deleted)
        throw new SchemaRegistryError(
          'version_soft_deleted',
          `Subject '${subject}' Version ${found.version} was soft deleted. Set permanent=true to delete permanently`,
        );
      await (permanent ? change.hardDelete(subject, [found.version]) : change.softDelete(subject, [found.version]));
      return [found.version];
    });
  }

  async levelOf(subject: string): Promise<CompatibilityMode> {
    const own = subject === GLOBAL ? null : (await this.store.settings(subject)).compatibility;
    return own ?? (await this.store.settings(GLOBAL)).compatibility ?? COMPATIBILITY_DEFAULT;
  }

  async modeOf(subject: string): Promise<Mode> {
    const own = subject === GLOBAL ? null : (await this.store.settings(subject)).mode;
    return own ?? (await this.store.settings(GLOBAL)).mode ?? 'READWRITE';
  }

  /** A crash between the file and the end of the change leaves a file: the id is then given to its schema only. */
  private async giveId(change: SchemaChange, schema: ReadSchema): Promise<number> {
    for (let id = await change.nextId(); ; id++) {
      if (!(await this.deps.files.publish(id, schema))) continue;
      await change.addSchema(id, schema);
      return id;
    }
  }
}

export function assertSubject(subject: string): void {
  if (!SUBJECT.test(subject) || subject === GLOBAL)
    throw new SchemaRegistryError('invalid_subject', 'A subject has 1 to 255 characters, none of them a control one.');
}

function assertWritable(subject: string, mode: Mode): void {
  if (mode.startsWith('READONLY'))
    throw new SchemaRegistryError('not_permitted', `Subject ${subject} is in read-only mode`);
}

export const subjectNotFound = (subject: string): SchemaRegistryError =>
  new SchemaRegistryError('subject_not_found', `Subject '${subject}' not found.`);

function pick<T extends Pick<SubjectVersion, 'version'>>(versions: readonly T[], wanted: string): T {
  if (wanted === 'latest' || wanted === '-1') return versions[versions.length - 1] as T;
  const number = /^[1-9]\d{0,9}$/.test(wanted) ? Number(wanted) : NaN;
  if (!(number < 2 ** 31))
    throw new SchemaRegistryError(
      'invalid_version',
      `The specified version '${wanted.slice(0, 100)}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
    );
  const found = versions.find(({ version }) => version === number);
  if (!found) throw new SchemaRegistryError('version_not_found', `Version ${number} not found.`);
  return found;
}

const messagesOf = ({ against }: Verdict): string[] =>
  against.flatMap(({ findings }) =>
    findings.map(
      ({ rule, path, message, suggestion }) => `{errorType:'${rule}', description:'${path}: ${message} ${suggestion}'}`,
    ),
  );
