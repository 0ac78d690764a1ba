import { inspect } from '@millrace/envelope';
import { ProblemException } from '@millrace/service';
import { assertEventSize, assertHeadersSize, type CaptureDeps, store } from '../capture/capture';
import { type Answer, type CapturedRequest, type CaptureHandler, header, NO_TENANT } from '../capture/http';
import { fullReceipt } from '../capture/receipts';
import { signatureFault, webhookIdentity, type WebhookSource } from './signature';
import { SOURCE_NAME } from './sources';

/** `POST /v1/webhooks/{source}`, as keys are kept for it: each source by itself. */
export const webhookRoute = ({ params }: CapturedRequest): string => `POST /v1/webhooks/${params.source}`;

/**
 * Lets pass what its source has signed, as the source's tenant; a source that is not configured is taken from a principal
 * only. It comes before anything that remembers a request: a forged one must not leave an answer behind for the true one.
 * @throws ProblemException 404 for a source that has no such name, 401 for a signature that does not hold or for neither
 */
export function whenSigned(
  sources: ReadonlyMap<string, WebhookSource>,
  clock: { now(): number },
  handler: CaptureHandler,
): CaptureHandler {
  return async (request) => {
    const { source } = request.params;
    if (!SOURCE_NAME.test(source)) {
      const detail = 'A source has 1-64 characters of a-z, 0-9, _ and -, and begins with a letter or digit.';
      throw new ProblemException(404, { detail, errors: [{ path: 'params.source', rule: 'pattern', detail }] });
    }
    assertEventSize(request.body);
    const signed = sources.get(source);
    const fault = signed && signatureFault(signed, (name) => header(request, name), request.body, clock.now());
    if (fault) {
      const errors = [{ path: `header.${fault.header}`, rule: fault.rule, detail: fault.detail }];
      const challenge = { 'www-authenticate': `Signature realm="${source}"` };
      throw new ProblemException(401, { detail: fault.detail, errors }, challenge);
    }
    if (signed) return handler({ ...request, tenant: signed.tenant });
    if (request.tenant !== NO_TENANT) return handler(request);
    const detail = 'This source does not sign, so that its sender takes a credential.';
    throw new ProblemException(401, { detail }, { 'www-authenticate': 'Bearer realm="millrace"' });
  };
}

/**
 * Keeps a webhook, whatever its body is: a sender cannot mend what it sent, so a body that is no event is answered 202
 * and quarantined.
 */
export function createWebhookHandler(deps: CaptureDeps): (request: CapturedRequest) => Promise<Answer> {
  return async (request) => {
    const { source } = request.params;
    const { id, type } = webhookIdentity((name) => header(request, name));
    const headers = deps.receive(request, {
      format: 'webhook',
      source: `webhook:${source}`,
      contenttype: header(request, 'content-type'),
      attributes: JSON.stringify({ source, ...(id !== undefined && { id }), ...(type !== undefined && { type }) }),
    });
    assertHeadersSize(headers, 'header');
    const receipt = inspect(request.body, headers).ok ? null : fullReceipt(request.body, headers, 0);
    await store(deps, [{ headers, value: request.body }]);
    if (receipt === null) return { status: 202, text: '{"accepted":1,"quarantined":0,"items":[]}' };
    return { status: 202, text: JSON.stringify({ accepted: 0, quarantined: 1, items: [receipt] }) };
  };
}
