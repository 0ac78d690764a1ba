export { migratePostgresTasks, type MigrateTasksOptions } from './migrate-tasks';
export { createPostgresTasks, type PostgresTasksOptions } from './postgres-tasks';
export { createPostgresTaskRunner, type PostgresTaskRunnerOptions, type QueueOptions } from './runner';
