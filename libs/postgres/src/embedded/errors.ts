export type EmbeddedErrorCode =
  /** The package with this platform's binaries is not installed, or there is none for this platform. */
  | 'EMBEDDED_BINARIES_MISSING'
  /** The binaries are there and do not run. */
  | 'EMBEDDED_BINARIES_BROKEN'
  /** Running as root and no unprivileged account can be used. */
  | 'EMBEDDED_NO_ACCOUNT'
  | 'EMBEDDED_PORT_TAKEN'
  | 'EMBEDDED_DISK_FULL'
  | 'EMBEDDED_READ_ONLY'
  /** The data was written by another major version of Postgres. */
  | 'EMBEDDED_OTHER_VERSION'
  /** The server of this folder is in use on another port. */
  | 'EMBEDDED_IN_USE'
  | 'EMBEDDED_WRONG_PASSWORD'
  | 'EMBEDDED_TIMEOUT'
  | 'EMBEDDED_FAILED';

/** Why the embedded server cannot be started or stopped, in words for the person who typed the command. */
export class EmbeddedError extends Error {
  constructor(
    readonly code: EmbeddedErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'EmbeddedError';
  }
}

const SIGNS: readonly (readonly [RegExp, EmbeddedErrorCode])[] = [
  [/No space left on device|Disk quota exceeded|Check free disk space|ENOSPC|EDQUOT/i, 'EMBEDDED_DISK_FULL'],
  [/Read-only file system|EROFS/i, 'EMBEDDED_READ_ONLY'],
  [/Address already in use|could not create any TCP\/IP sockets/i, 'EMBEDDED_PORT_TAKEN'],
  [/incompatible with server|was initialized by PostgreSQL version/i, 'EMBEDDED_OTHER_VERSION'],
  [/Permission denied|Operation not permitted|EACCES|EPERM/i, 'EMBEDDED_READ_ONLY'],
];

/** The code for what a tool or a system call said, or undefined when it says nothing that is known. */
export const codeOf = (text: string): EmbeddedErrorCode | undefined => SIGNS.find(([sign]) => sign.test(text))?.[1];

/** A failed file operation or process in the folder `dir`, as a coded error that names the folder. */
export function explain(dir: string, doing: string, cause: unknown): EmbeddedError {
  if (cause instanceof EmbeddedError) return cause;
  const said = (cause as Error | undefined)?.message ?? String(cause);
  const code = codeOf(said) ?? 'EMBEDDED_FAILED';
  const why: Partial<Record<EmbeddedErrorCode, string>> = {
    EMBEDDED_DISK_FULL: `the disk under ${dir} is full: free some space and start again`,
    EMBEDDED_READ_ONLY: `${dir} cannot be written by this account: choose another folder or change its owner`,
    EMBEDDED_OTHER_VERSION: `${dir} was written by another major version of Postgres: export it with that version, or choose another folder`,
  };
  return new EmbeddedError(code, `embedded Postgres, ${doing}: ${why[code] ?? said.trim()}`, { cause });
}
