import path from 'node:path';
import type { Messaging } from '../port';
import { PostgresMessaging, type PostgresMessagingOptions } from './engine';

export type { PostgresMessagingOptions };

/** Migrations of the schema `log`, for `migrate({ schema: 'log', dir })`. */
export const MIGRATIONS_DIR = path.join(__dirname, 'migrations');

export function createPostgresMessaging(options: PostgresMessagingOptions): Messaging {
  return new PostgresMessaging(options);
}
