import { Scanner, type JsonKind, type ScanFault } from './scanner';
import { keyText } from './tokens';

export interface TopMember {
  readonly name: string;
  /** Span of the value, as byte positions in the scanned buffer. */
  readonly start: number;
  readonly end: number;
}

/** What one pass over a JSON text finds without building it; see `Scanner`, whose fields these are. */
export interface Scan {
  readonly fault: ScanFault | null;
  readonly faultAt: number;
  readonly kind: JsonKind;
  readonly ascii: boolean;
  /** Members of all objects; more than the parsed value has means that some name is repeated. */
  readonly members: number;
  readonly depth: number;
  readonly longIntegers: boolean;
  /** False: the text is already one line. */
  readonly lineBreaks: boolean;
  readonly loneSurrogateAt: number;
  readonly protoKeyAt: number;
  /** Members of the outermost object, in document order. */
  readonly top: readonly TopMember[];
}

const scanner = new Scanner();

/** Scans `bytes` from `start` to `end`. For callers that keep the result; hot paths hold a `Scanner` of their own. */
export function scan(bytes: Buffer, start = 0, end = bytes.length): Scan {
  scanner.run(bytes, start, end);
  const { keyStarts, keyEnds, valueStarts, valueEnds } = scanner;
  return {
    fault: scanner.fault,
    faultAt: scanner.faultAt,
    kind: scanner.kind,
    ascii: scanner.ascii,
    members: scanner.members,
    depth: scanner.depth,
    longIntegers: scanner.longIntegers,
    lineBreaks: scanner.lineBreaks,
    loneSurrogateAt: scanner.loneSurrogateAt,
    protoKeyAt: scanner.protoKeyAt,
    top: Array.from({ length: scanner.topCount }, (_, m) => ({
      name: keyText(bytes, keyStarts[m], keyEnds[m]),
      start: valueStarts[m],
      end: valueEnds[m],
    })),
  };
}
