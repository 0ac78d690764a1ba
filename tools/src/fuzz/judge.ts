import type { RawAnswer } from '@millrace/service/fuzzing';

/**
 * Why an answer is none that a service may give to whatever it was sent, or null. 5xx says that the service failed, but
 * for a 503 that says when to come again; a refusal names itself as problem details.
 */
export function faultOf({ status, head, body }: RawAnswer, toHead: boolean): string | null {
  if (!(status >= 200 && status < 600)) return 'no status line';
  if (status >= 500 && status !== 503) return `answered ${status}`;
  if (status === 503 && !/^retry-after: *\d+/im.test(head)) return 'answered 503 without Retry-After';
  if (status < 400 || toHead) return null;
  if (/^content-type: *application\/vnd\.schemaregistry\.v1\+json/im.test(head)) return registryFaultOf(body);
  if (status === 503 && isReadiness(body)) return null;
  if (!/^content-type: *application\/problem\+json/im.test(head)) return `answered ${status} without problem details`;
  try {
    const problem = JSON.parse(body) as { status?: unknown; title?: unknown };
    return problem.status === status && typeof problem.title === 'string' ? null : `problem details of another status`;
  } catch {
    return 'problem details that are no JSON';
  }
}

/** That somebody is not ready is what was asked for, and no refusal. */
function isReadiness(body: string): boolean {
  try {
    const { status, ...told } = JSON.parse(body) as { status?: unknown; services?: unknown; resources?: unknown };
    return status === 'not ready' && (told.services !== undefined || told.resources !== undefined);
  } catch {
    return false;
  }
}

function registryFaultOf(body: string): string | null {
  try {
    const { error_code: code, message } = JSON.parse(body) as { error_code?: unknown; message?: unknown };
    return Number.isInteger(code) && typeof message === 'string' ? null : 'a refusal without error_code and message';
  } catch {
    return 'a refusal that is no JSON';
  }
}
