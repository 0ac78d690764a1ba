import net from 'node:net';

function listen(port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.unref();
    server.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const { port: bound } = server.address() as net.AddressInfo;
      server.close(() => resolve(bound));
    });
  });
}

export const isPortFree = async (port: number): Promise<boolean> => (await listen(port)) !== undefined;

/** `preferred` when it is free, else one that the system gives. Somebody may take it before it is used: try again then. */
export async function pickPort(preferred: number | undefined): Promise<number> {
  if (preferred && (await isPortFree(preferred))) return preferred;
  const port = await listen(0);
  if (port === undefined) throw new Error('the system has no free port');
  return port;
}
