import { type DynamicModule, Module } from '@nestjs/common';
import type { Pool } from '@millrace/postgres';
import type { Storage } from '@millrace/storage';
import { ContractRegistry } from '../contracts/registry';
import { BindingsController } from './bindings.controller';
import { createFollowContract } from './follow-contract';
import { judgeSchemas } from './judge';
import { schemaOfContract } from './schema-of-contract';
import { PostgresSchemaStore } from './postgres-store';
import { SchemaFiles } from './schema-files';
import { SchemaRegistry } from './schema-registry';
import { SchemasController } from './schemas.controller';
import { SettingsController } from './settings.controller';
import { SubjectsController } from './subjects.controller';

/** The Schema Registry beside the contracts. */
@Module({})
export class SchemaRegistryModule {
  static compose(deps: { pool: Pool; storage: Storage; contracts: ContractRegistry }): DynamicModule {
    const { pool, storage, contracts } = deps;
    const store = new PostgresSchemaStore(pool);
    const files = new SchemaFiles(storage);
    const followContract = createFollowContract({
      ...{ store, files },
      published: contracts.published,
      schemaOf: schemaOfContract,
    });
    return {
      module: SchemaRegistryModule,
      controllers: [SubjectsController, SchemasController, SettingsController, BindingsController],
      providers: [
        { provide: ContractRegistry, useValue: contracts },
        {
          provide: SchemaRegistry,
          useValue: new SchemaRegistry({ store, files, followContract, judge: judgeSchemas }),
        },
      ],
    };
  }
}
