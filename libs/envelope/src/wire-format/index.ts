/** The wire format of Schema Registry serializers, and the schemas it names, as they are in storage. */
export {
  compileWireSchema,
  decodeWireFormat,
  isWireFormat,
  type WireDecoded,
  type WireSchema,
  wireSchemaId,
} from './decode';
export { decodeSchemaFile, encodeSchemaFile, type SchemaFile, schemaFilePath } from './schema-file';
