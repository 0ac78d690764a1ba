import type { MartDefinition, MartDimension } from './mart';

const SQL_TYPES: Readonly<Record<string, string>> = {
  string: 'STRING',
  long: 'BIGINT',
  double: 'NUMERIC',
  boolean: 'BOOLEAN',
};

/**
 * The history of a dimension out of its table, which is a log of changes: of changes of one key from one instant on the
 * latest counts, and each holds until the next one begins.
 *
 * @param relation null where the dimension was never loaded
 * @param has columns of its table; absent means all that are used
 */
export function dimensionHistorySql(
  { attributes }: Pick<MartDimension, 'attributes'>,
  relation: string | undefined,
  has?: ReadonlySet<string>,
): string {
  const nothing = (type: string): string => `CAST(NULL AS ${SQL_TYPES[type]})`;
  if (relation === undefined) {
    const columns = attributes.map(({ name, type }) => `${nothing(type)} AS ${name}`);
    return `(SELECT ${[
      `${nothing('string')} AS tenant_id`,
      `${nothing('string')} AS dimension_key`,
      ...columns,
      'CAST(NULL AS TIMESTAMP) AS valid_from',
      'CAST(NULL AS TIMESTAMP) AS valid_to',
    ].join(', ')} LIMIT 0)`;
  }
  const columns = attributes.map(({ name, type }) => (has?.has(name) === false ? `${nothing(type)} AS ${name}` : name));
  const named = ['tenant_id', 'dimension_key', ...columns, 'valid_from', 'is_deleted'].join(', ');
  const kept = ['tenant_id', 'dimension_key', ...attributes.map(({ name }) => name), 'valid_from', 'valid_to'].join(
    ', ',
  );
  return `(SELECT ${kept} FROM (
      SELECT *, LEAD(valid_from) OVER (PARTITION BY tenant_id, dimension_key ORDER BY valid_from) AS valid_to
        FROM (SELECT ${named} FROM ${relation} WHERE TRUE
              QUALIFY ROW_NUMBER() OVER (PARTITION BY tenant_id, dimension_key, valid_from ORDER BY _batch_id DESC) = 1))
     WHERE NOT is_deleted)`;
}

/**
 * Partitions of a mart with rows that changes of a dimension are about: those that join one of the changed keys within
 * the time that changed.
 *
 * @param source relation of the mart's source
 * @param changes relation of rows of the dimension's table
 */
export function partitionsUsingSql(
  { partitionExpression }: Pick<MartDefinition, 'partitionExpression'>,
  { sourceKey, sourceTime }: Pick<MartDimension, 'sourceTime'> & { readonly sourceKey: string },
  source: string,
  changes: string,
): string {
  return `SELECT DISTINCT CAST(s.partition_of AS STRING) AS partition_value
            FROM (SELECT tenant_id, ${sourceKey} AS join_key, ${sourceTime} AS join_time, ${partitionExpression} AS partition_of FROM ${source}) s
            JOIN ${changes} c
              ON c.tenant_id = s.tenant_id AND c.dimension_key = s.join_key
             AND s.join_time >= c.valid_from AND (c.valid_to IS NULL OR s.join_time < c.valid_to)
           WHERE s.partition_of IS NOT NULL`;
}
