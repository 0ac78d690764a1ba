export type CodecErrorCode =
  'CODEC_NOT_A_FRAME' | 'CODEC_VERSION' | 'CODEC_TRUNCATED' | 'CODEC_CHECKSUM' | 'CODEC_LIMIT' | 'CODEC_INVALID';

/** Bytes that are not a frame, or not the frame that was written. Never retried: the same bytes fail again. */
export class CodecError extends Error {
  readonly canRetry = false;
  constructor(
    readonly code: CodecErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'CodecError';
  }
}
