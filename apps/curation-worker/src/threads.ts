/**
 * DuckDB statements, compression and file syncs all run on libuv's threads, four by default: three statements at once
 * would leave one for everything else. Read once, when the first of them is used; imported before anything else.
 */
process.env.UV_THREADPOOL_SIZE ??= '8';
