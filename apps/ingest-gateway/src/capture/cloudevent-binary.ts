import type { Reception } from './capture';
import { type CapturedRequest, header } from './http';

/**
 * A CloudEvent in binary mode (HTTP binding 1.0.2, 3.1), known by its `ce-specversion` header: the body is its data, as
 * it is, and the `ce-*` headers, still percent-encoded, are its attributes. Null for any other request.
 */
export function binaryCloudEvent(request: CapturedRequest): { items: readonly Buffer[]; reception: Reception } | null {
  if (header(request, 'ce-specversion') === undefined) return null;
  const attributes: Record<string, string> = {};
  for (const name of Object.keys(request.headers)) {
    if (name.startsWith('ce-')) attributes[name] = header(request, name) as string;
  }
  const contenttype = header(request, 'content-type');
  return { items: [request.body], reception: { format: 'ce-binary', source: 'http', contenttype, attributes } };
}
