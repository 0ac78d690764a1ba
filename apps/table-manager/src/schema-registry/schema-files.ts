import { type Storage, StorageError } from '@millrace/storage';
import { encodeSchemaFile, schemaFilePath } from '@millrace/envelope/wire-format';
import type { ReadSchema } from './read-schema';

/** Puts schemas where every service finds them by id. */
export interface Publisher {
  /** False when the id has another schema: of a change that was never committed. */
  publish(id: number, schema: ReadSchema): Promise<boolean>;
}

/** Schemas by id as immutable files in storage: written before the id is given out, so that whoever meets it finds it. */
export class SchemaFiles implements Publisher {
  constructor(private readonly storage: Pick<Storage, 'createIfAbsent' | 'get'>) {}

  async publish(id: number, { type, text }: ReadSchema): Promise<boolean> {
    const bytes = encodeSchemaFile({ id, type, text });
    try {
      await this.storage.createIfAbsent(schemaFilePath(id), bytes);
      return true;
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== 'STORAGE_EXISTS') throw error;
      return (await this.storage.get(schemaFilePath(id))).equals(bytes);
    }
  }
}
