/** Tables of the corpora that are refused, with the feature that the refusal must name. All others must be read. */
export const REFUSED: Readonly<Record<string, RegExp>> = {
  'cdf-table-with-cdc-and-dvs': /deletion vectors/,
  'spark-shredded-variant-preview-delta': /variantShredding-preview/,
  'spark-variant-checkpoint': /variantType-preview/,
  'spark-variant-stable-feature-checkpoint': /variantType/,
  'table-with-dv-small': /deletion vectors/,
  table_with_column_mapping: /column mapping/,
  table_with_deletion_logs: /deletion vectors/,
  table_with_partitioning_mapping: /column mapping/,
  // A made-up protocol: reader version 5 does not exist.
  simple_table_features: /reader version 5/,
};

/** Tables that are read otherwise than the oracles read them. */
export const READ_OTHERWISE: Readonly<Record<string, string>> = {
  table_with_edge_timestamps:
    'INT96 times in the year 9999 overflow the 64-bit nanoseconds of Arrow, which gives 2262-04-11; ours are what the ' +
    "table's statistics say",
};
