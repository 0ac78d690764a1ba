import { inspect } from '@millrace/envelope';
import { ProblemException } from '@millrace/service';
import { type CaptureDeps, createReception, problemOf, refused, store } from '../capture/capture';
import { type Answer, type CapturedRequest, header } from '../capture/http';
import { EVENT_BYTES_MAX } from '../capture/limits';
import { signatureFault, webhookIdentity, type WebhookSource } from './signature';
import { SOURCE_NAME } from './sources';

export interface WebhookDeps extends CaptureDeps {
  readonly sources: ReadonlyMap<string, WebhookSource>;
}

/**
 * `POST /v1/webhooks/{source}`. A source with a secret must sign; one without is taken as it is. Whatever the body is,
 * it is kept: a sender cannot mend what it sent, so a body that is no event is answered 202 and quarantined.
 */
export function createWebhookHandler(deps: WebhookDeps): (request: CapturedRequest) => Promise<Answer> {
  const receive = createReception(deps.now);
  return async (request) => {
    const { source } = request.params;
    if (!SOURCE_NAME.test(source)) {
      const detail = 'A source has 1-64 characters of a-z, 0-9, _ and -, and begins with a letter or digit.';
      throw new ProblemException(404, { detail, errors: [{ path: 'params.source', rule: 'pattern', detail }] });
    }
    if (request.body.length > EVENT_BYTES_MAX) {
      throw refused({ reason: 'item_too_large', rule: `an event has at most ${EVENT_BYTES_MAX} bytes`, path: '$' });
    }
    const lookup = (name: string): string | undefined => header(request, name);
    const signed = deps.sources.get(source);
    const fault = signed ? signatureFault(signed, lookup, request.body, deps.now()) : null;
    if (fault) throw new ProblemException(401, { detail: fault }, { 'www-authenticate': `Signature realm="${source}"` });
    const identity = webhookIdentity(lookup);
    const headers = receive(request, {
      format: 'webhook',
      source: `webhook:${source}`,
      contenttype: lookup('content-type'),
      attributes: { source, ...(identity.id !== undefined && { id: identity.id }), ...(identity.type !== undefined && { type: identity.type }) },
    });
    const seen = inspect(request.body);
    await store(deps, [{ headers, value: request.body }]);
    if (seen.ok || seen.refusal.reason === 'missing_type') return { status: 202, body: { accepted: 1, quarantined: 0, items: [] } };
    const item = { index: 0, eventId: identity.id ?? null, status: 'quarantined', error: problemOf(seen.refusal) };
    return { status: 202, body: { accepted: 0, quarantined: 1, items: [item] } };
  };
}
