import type { Upstream } from './forward';

export interface ServiceReadiness {
  readonly ready: boolean;
  readonly detail: unknown;
}

const PROBE_MS_MAX = 2_000;

/** Asks every instance of every service. A service is ready when all its instances are. */
export async function readinessOf(upstreams: readonly Upstream[]): Promise<Record<string, ServiceReadiness>> {
  const entries = upstreams.map(async ({ service, origins }) => {
    const answers = await Promise.all(origins.map(probe));
    return [service, answers.find((answer) => !answer.ready) ?? (answers[0] as ServiceReadiness)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function probe(origin: URL): Promise<ServiceReadiness> {
  try {
    const response = await fetch(new URL('/readiness', origin), { signal: AbortSignal.timeout(PROBE_MS_MAX) });
    return { ready: response.status === 200, detail: parse(await response.text()) };
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return { ready: false, detail: cause?.code === 'ECONNREFUSED' ? 'not listening' : (cause?.code ?? message) };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.slice(0, 300);
  }
}
