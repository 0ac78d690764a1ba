export { type MigrationSet } from './template';
export { testDatabase, type TestDatabase, type TestDatabaseOptions } from './test-database';
