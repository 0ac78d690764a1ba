/** One field of a protobuf message: a whole number, or the bytes of a string, a message or a fixed-size number. */
export interface ProtobufField {
  readonly number: number;
  readonly value: bigint | Buffer;
}

/** The fields of a message by the wire format (protobuf.dev/programming-guides/encoding), in their order. */
export function* fieldsOf(message: Buffer): Generator<ProtobufField> {
  for (let at = 0; at < message.length;) {
    const tag = varint(message, at);
    const number = Number(tag.value >> 3n);
    at = tag.end;
    const wireType = Number(tag.value & 7n);
    if (wireType === 0) {
      const { value, end } = varint(message, at);
      yield { number, value };
      at = end;
      continue;
    }
    let length = wireType === 1 ? 8 : wireType === 5 ? 4 : -1;
    if (wireType === 2) {
      const { value, end } = varint(message, at);
      length = Number(value);
      at = end;
    }
    if (length < 0 || at + length > message.length) throw new Error(`not protobuf: wire type ${wireType} at ${at}`);
    yield { number, value: message.subarray(at, at + length) };
    at += length;
  }
}

function varint(message: Buffer, from: number): { value: bigint; end: number } {
  let value = 0n;
  for (let at = from, shift = 0n; at < message.length && shift < 70n; at++, shift += 7n) {
    value |= BigInt(message[at] & 0x7f) << shift;
    if (message[at] < 0x80) return { value, end: at + 1 };
  }
  throw new Error(`not protobuf: a number that does not end at ${from}`);
}
