/** The type OID of bigint: src/include/catalog/pg_type.dat */
const INT8_OID = 20;
const HEADER_BYTES = 20;
const ELEMENT_BYTES = 12;

/** A `bigint[]` parameter in Postgres's binary format, of 64-bit values given as 16 hex digits each; not empty. */
export function int8ArrayParam(hexes: readonly string[]): Buffer {
  const param = Buffer.allocUnsafe(HEADER_BYTES + ELEMENT_BYTES * hexes.length);
  param.writeInt32BE(1, 0); // dimensions
  param.writeInt32BE(0, 4); // no NULLs
  param.writeInt32BE(INT8_OID, 8);
  param.writeInt32BE(hexes.length, 12);
  param.writeInt32BE(1, 16); // lower bound
  hexes.forEach((hex, i) => {
    const at = HEADER_BYTES + ELEMENT_BYTES * i;
    param.writeInt32BE(8, at);
    param.write(hex, at + 4, 8, 'hex');
  });
  return param;
}
