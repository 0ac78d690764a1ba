/** `npm start` as a child of a chaos run: the same, but services reach Postgres through a proxy that can break. */
import { startMillrace } from '../start/millrace';
import { aborted, runCommand } from '../start/run-command';

interface Setting {
  readonly dataDir: string;
  readonly portBase: number;
  readonly workers: number;
  readonly proxyPort: number;
}

/** Everything crashes again and again here, and is to be crashed again soon. */
const RESTART = { delayMsMin: 200, delayMsMax: 1_000, steadyMs: 5_000 };

if (require.main === module) {
  const { proxyPort, ...options } = JSON.parse(process.argv[2] as string) as Setting;
  void runCommand(async (signal, running) => {
    const millrace = await startMillrace(
      { ...options, jsonLogs: true },
      {
        env: process.env,
        signal,
        onLine: ({ process: name, text }) => console.log(`${name} ${text}`),
        say: (text) => console.log(`supervisor ${text}`),
        restart: RESTART,
        databaseUrl: (url) => Object.assign(new URL(url), { port: String(proxyPort) }).href,
      },
    );
    running(millrace);
    await aborted(signal);
    await millrace.stop();
    return 0;
  });
}
