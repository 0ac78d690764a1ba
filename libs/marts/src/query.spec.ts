import { SHIPMENTS_DAILY, compareAnswers, martSql, pageOf, QueryInputError } from './index';
import { exceptionsQuery, onTimePerformanceQuery, shipmentsDailyQuery } from './shipment-queries';

describe('queries over marts', () => {
  it('bind every value and never write it into the SQL', () => {
    const evil = "x'; DROP TABLE mart_exceptions; --";
    const query = exceptionsQuery('marts', { carrierCode: evil, facilityId: evil, tenant: evil });
    expect(query.sql).not.toContain('DROP');
    expect(query.params).toMatchObject({ carrier_code: evil, facility_id: evil, tenant: evil });
  });

  it.each<[string, () => unknown]>([
    ['group_by', () => onTimePerformanceQuery('marts', { groupBy: 'shipment_id; --' as 'lane' })],
    ['group_by', () => onTimePerformanceQuery('marts', { groupBy: [] })],
    ['group_by', () => onTimePerformanceQuery('marts', { groupBy: ['lane', 'lane'] })],
    ['from', () => shipmentsDailyQuery('marts', { from: '2013-02-30' })],
    ['from', () => shipmentsDailyQuery('marts', { from: '20130201' })],
    ['to', () => shipmentsDailyQuery('marts', { to: 'tomorrow' })],
    ['to', () => shipmentsDailyQuery('marts', { from: '2013-02-02', to: '2013-02-01' })],
    ['limit', () => shipmentsDailyQuery('marts', { limit: 0 })],
    ['limit', () => shipmentsDailyQuery('marts', { limit: 10_001 })],
    ['limit', () => shipmentsDailyQuery('marts', { limit: 1.5 })],
    ['page', () => shipmentsDailyQuery('marts', { page: '2' })],
    ['page', () => shipmentsDailyQuery('marts', { page: Buffer.from('["a"]').toString('base64url') })],
    ['page', () => shipmentsDailyQuery('marts', { page: Buffer.from('["a",1]').toString('base64url') })],
    ['page', () => shipmentsDailyQuery('marts', { page: 'A'.repeat(5000) })],
  ])('refuse a bad %s, naming the parameter', (parameter, make) => {
    expect(make).toThrow(QueryInputError);
    expect(make).toThrow(expect.objectContaining({ parameter, code: 'QUERY_INPUT_INVALID' }));
  });

  it('say that there is a next page only where there is one', () => {
    const query = { key: ['a'], limit: 2 };
    expect(
      pageOf(query, [
        { a: 'x', n: 1n },
        { a: 'y', n: 2n },
      ]),
    ).toEqual({
      rows: [
        { a: 'x', n: 1 },
        { a: 'y', n: 2 },
      ],
    });
    const more = pageOf(query, [{ a: 'x' }, { a: 'y' }, { a: 'z' }]);
    expect(more.rows).toEqual([{ a: 'x' }, { a: 'y' }]);
    expect(Buffer.from(more.nextPage ?? '', 'base64url').toString()).toBe('["y"]');
    expect(pageOf(query, [])).toEqual({ rows: [] });
  });
});

describe('martSql', () => {
  it('refuses a partition that is no date, and a source without a relation', () => {
    const sources = { 'clean.shipment_events': 'events' };
    expect(() => martSql(SHIPMENTS_DAILY, { sources, partitions: ["2013-02-01' OR 1=1 --"] })).toThrow('no partition');
    expect(() => martSql(SHIPMENTS_DAILY, { sources: {} })).toThrow('clean.shipment_events');
  });

  it('puts relations in as they are, also where they hold a dollar sign', () => {
    expect(martSql(SHIPMENTS_DAILY, { sources: { 'clean.shipment_events': "read_parquet('a$&b')" } })).toContain(
      "read_parquet('a$&b')",
    );
  });
});

describe('compareAnswers', () => {
  const by = { key: ['k'], columns: ['n'] };

  it('finds a wrong cell, and a missing, additional or doubled row', () => {
    expect(compareAnswers([{ k: 'a', n: 1 }], [{ k: 'a', n: 1.0000009 }], by)).toEqual([]);
    expect(compareAnswers([{ k: 'a', n: 1 }], [{ k: 'a', n: 1.00001 }], by)).toHaveLength(1);
    expect(compareAnswers([{ k: 'a', n: 1 }], [{ k: 'a', n: null }], by)).toHaveLength(1);
    expect(compareAnswers([{ k: 'a', n: null }], [{ k: 'a' }], by)).toHaveLength(1);
    expect(compareAnswers([{ k: 'a', n: null }], [{ k: 'a', n: null }], by)).toEqual([]);
    expect(compareAnswers([{ k: 'a', n: 1 }], [], by)).toMatchObject([{ key: 'a', column: null, actual: 'none' }]);
    expect(compareAnswers([], [{ k: 'a', n: 1 }], by)).toMatchObject([{ key: 'a', column: null, expected: 'no row' }]);
    expect(
      compareAnswers(
        [{ k: 'a', n: 1 }],
        [
          { k: 'a', n: 1 },
          { k: 'a', n: 1 },
        ],
        by,
      ),
    ).toMatchObject([{ actual: 'several' }]);
  });
});
