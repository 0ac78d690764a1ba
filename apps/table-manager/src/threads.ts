/**
 * DuckDB statements and file syncs all run on libuv's threads, four by default: a commit of three tables beside a
 * rebuild and a compaction would leave none for the files. Read once, when the first of them is used; imported before
 * anything else.
 */
process.env.UV_THREADPOOL_SIZE ??= '12';
