export { CodecError, type CodecErrorCode } from './codec-error';
export { decodeFrame, type Frame } from './decode';
export { encodeFrame, FrameWriter } from './encode';
export { FRAME_LIMITS, type FrameLimits } from './layout';
