export { type MigrationSet, type Preparation } from './template';
export { testDatabase, type TestDatabase, type TestDatabaseOptions } from './test-database';
