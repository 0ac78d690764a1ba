import { eventIdOf } from '../events/streams';
import type { Ledger } from './ledger';
import { LoadPlan, type LoadSpec, requestsOf } from './plan';

/** Lines made before other work gets its turn. */
const TURN_LINES = 200;

/**
 * What a load sent, a line of JSON an item, in order: `{request, outcome, kind, how?, eventId}`. `eventId` is the one that
 * Millrace knows the event by, null for a corrupt item. Items that were certainly not stored are left out. Nothing of it
 * was kept: the plan is drawn again, so it may be as long as it likes.
 */
export async function* manifestOf(spec: LoadSpec, ledger: Pick<Ledger, 'outcomeOf'>): AsyncGenerator<string> {
  const plan = new LoadPlan(spec);
  const count = requestsOf(spec);
  let lines: string[] = [];
  for (let request = 0; request < count; request++) {
    const items = plan.nextRequest();
    const outcome = ledger.outcomeOf(request);
    if (outcome !== null) {
      for (const { kind, how, body } of items) {
        const eventId = body && eventIdOf(body, Buffer.from(JSON.stringify(body)));
        lines.push(`${JSON.stringify({ request, outcome, kind, ...(how !== null && { how }), eventId })}\n`);
      }
    }
    if (lines.length >= TURN_LINES || request % TURN_LINES === TURN_LINES - 1) {
      if (lines.length > 0) yield lines.join('');
      lines = [];
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
  if (lines.length > 0) yield lines.join('');
}
