import { systemClock } from '@millrace/observability';
import type { Messaging } from '../port';
import { messagingConformance } from '../testing';
import { createMemoryMessaging, MemoryLog, type MemoryMessaging } from './index';

messagingConformance('memory', async () => {
  const log = new MemoryLog(systemClock);
  const opened: MemoryMessaging[] = [];
  return {
    open: async ({ patient } = {}): Promise<Messaging> => {
      const messaging = createMemoryMessaging({
        log,
        leaseMs: patient ? 30_000 : 600,
        graceMs: 2_000,
        pollMs: 200,
        keepMs: 0,
      });
      opened.push(messaging);
      return messaging;
    },
    crash: async (messaging) => (messaging as MemoryMessaging).crash(),
    close: async () => {
      // What a test left unacknowledged would be waited for.
      for (const messaging of opened) messaging.crash();
    },
  };
});
