export { CodecError, type CodecErrorCode } from './codec-error';
export { decodeFrame, type Frame } from './decode';
export { encodeFrame } from './encode';
export { FRAME_LIMITS, type FrameLimits } from './layout';
