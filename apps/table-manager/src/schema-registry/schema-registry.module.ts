import { type DynamicModule, Module } from '@nestjs/common';
import type { Pool } from '@millrace/postgres';
import type { Storage } from '@millrace/storage';
import { judgeSchemas } from './judge';
import { PostgresSchemaStore } from './postgres-store';
import { SchemaFiles } from './schema-files';
import { SchemaRegistry } from './schema-registry';
import { SchemasController } from './schemas.controller';
import { SettingsController } from './settings.controller';
import { SubjectsController } from './subjects.controller';

/** The Schema Registry beside the contracts. */
@Module({})
export class SchemaRegistryModule {
  static compose(deps: { pool: Pool; storage: Storage }): DynamicModule {
    const { pool, storage } = deps;
    const store = new PostgresSchemaStore(pool);
    const files = new SchemaFiles(storage);
    return {
      module: SchemaRegistryModule,
      controllers: [SubjectsController, SchemasController, SettingsController],
      providers: [
        {
          provide: SchemaRegistry,
          useValue: new SchemaRegistry({ store, files, judge: judgeSchemas }),
        },
      ],
    };
  }
}
