import type { PublishedVersions } from '../contracts/published-versions';
import type { CompiledContract } from '@millrace/contracts';
import type { Publisher } from './schema-files';
import { type ReadSchema, readSchema, type SchemaType } from './read-schema';
import type { SchemaStore } from './store';

export interface FollowDeps {
  readonly store: SchemaStore;
  readonly published: Pick<PublishedVersions, 'versions' | 'compiled'>;
  readonly files: Publisher;
  /** A contract's schema, as its producers would register it. */
  readonly schemaOf: (contract: CompiledContract, type: SchemaType) => string;
}

/**
 * Gives a bound subject the schemas of its contract: each published version, in order, unless the one before has the same
 * schema. Compatibility was judged when the contract was published. Called before a subject is read: there is nothing
 * that could be missed.
 */
export function createFollowContract({ store, published, files, schemaOf }: FollowDeps) {
  /** Contract versions that are in a subject already, so that a lookup costs a listing and not a compilation. */
  const followed = new Map<string, string>();

  return async (subject: string): Promise<void> => {
    const binding = await store.binding(subject);
    if (!binding) return void followed.delete(subject);
    const versions = await published.versions(binding.contract);
    const state = JSON.stringify([binding, versions]);
    if (followed.get(subject) === state) return;
    const schemas: ReadSchema[] = [];
    for (const version of versions) {
      const contract = await published.compiled(binding.contract, version);
      if (contract) schemas.push(readSchema(binding.type, schemaOf(contract, binding.type)));
    }
    await store.change(async (change) => {
      for (const schema of schemas) {
        const present = await change.versions(subject);
        const known = await change.known(schema.fingerprint);
        if (present.some(({ id, deleted }) => id === known?.id && !deleted)) continue;
        let id = known?.id;
        if (id === undefined) {
          id = await change.nextId();
          while (!(await files.publish(id, schema))) id++;
          await change.addSchema(id, schema);
        }
        await change.addVersion(subject, Math.max(0, ...present.map(({ version }) => version)) + 1, id);
      }
    });
    followed.set(subject, state);
  };
}
