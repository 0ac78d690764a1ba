/** A request as the capture handlers see it: nothing parsed, every byte kept. */
export interface CapturedRequest {
  /** Lower-case names; repeated headers joined as Node does. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type CaptureHandler = (request: CapturedRequest) => Promise<Answer>;

export function header(request: CapturedRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** The media type without parameters, lower case; empty when absent. */
export function mediaType(request: CapturedRequest): string {
  return (header(request, 'content-type') ?? '').split(';', 1)[0].trim().toLowerCase();
}
