/** A small contract, as YAML. */
export const orders = (
  version: string,
  changes: { readonly properties?: string; readonly name?: string } = {},
): string =>
  `
apiVersion: v3.1.0
kind: DataContract
id: 2b7a4cf0-6a5f-4f0e-8a55-0d6f6a1c0b01
name: ${changes.name ?? 'orders'}
version: ${version}
status: active
schema:
  - name: ${changes.name ?? 'orders'}
    logicalType: object
    physicalName: ${changes.name ?? 'orders'}
    properties:
      - { name: order_id, logicalType: string, required: true, logicalTypeOptions: { minLength: 1, maxLength: 64 } }
      - { name: total, logicalType: number }
${changes.properties ?? ''}
customProperties:
  - { property: eventTypes, value: [${changes.name ?? 'orders'}.placed] }
  - { property: dedupe, value: { strategy: event_id, windowDays: 30 } }
`.trimStart();

export const OPTIONAL_NOTE = '      - { name: note, logicalType: string }';
export const REQUIRED_NOTE = '      - { name: note, logicalType: string, required: true }';
