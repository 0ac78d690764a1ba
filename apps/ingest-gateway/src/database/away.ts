import { isUnavailable } from '@millrace/postgres';

/** What the driver adapter calls a database that is away, starting, full, or slower than it may be. */
const AWAY = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
]);
const TIMED_OUT = '57014';
/** No connection, or no end of the transaction, within Prisma's own limits. */
const PRISMA_TIMED_OUT = 'P2028';

interface DriverCause {
  readonly kind?: string;
  readonly code?: string;
  readonly originalCode?: string;
}

interface PrismaError {
  readonly code?: string;
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: DriverCause } };
}

/** Runs a query and turns Prisma's errors for a database that is away into `made(cause)`; others pass as they are. */
export async function away<T>(query: () => Promise<T>, made: (cause: unknown) => Error): Promise<T> {
  try {
    return await query();
  } catch (error) {
    const { code: own, meta } = (error ?? {}) as PrismaError;
    const cause = meta?.driverAdapterError?.cause;
    const code = cause?.originalCode ?? cause?.code;
    const state = code === undefined ? null : Object.assign(new Error(), { code });
    const gone =
      isUnavailable(error) ||
      isUnavailable(state) ||
      code === TIMED_OUT ||
      own === PRISMA_TIMED_OUT ||
      (cause?.kind !== undefined && AWAY.has(cause.kind));
    if (gone) throw made(error);
    throw error;
  }
}
