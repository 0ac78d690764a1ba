import { type Contract, loadContract } from '@millrace/contracts';
import { checkCompatibility } from '@millrace/contracts/compatibility';
import fs from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { WORKSPACE_ROOT } from '../start/services';
import { fencedBlocks, tables } from './markdown';
import { matchShown } from './shown';

const page = fs.readFileSync(path.join(WORKSPACE_ROOT, 'docs', 'contracts.md'), 'utf8');
const blocks = fencedBlocks(page);
const [first, next] = blocks.filter(({ language }) => language === 'yaml').map(({ text }) => text);
const [verdict] = blocks.filter(({ language }) => language === 'json').map(({ text }) => text);

interface Document {
  readonly schema: readonly [{ readonly properties: readonly object[] }];
}

/** The contract of the page with other fields. */
function contract(version: string, properties: readonly object[]): Contract {
  const document = parse(first) as Document;
  return loadContract(stringify({ ...document, version, schema: [{ ...document.schema[0], properties }] }));
}

describe('docs/contracts.md', () => {
  it('shows the verdict that its versions get', () => {
    const proposed = contract('2.0.0', (parse(next) as { properties: object[] }).properties);
    const found = checkCompatibility({ mode: 'FULL', proposed, previous: [loadContract(first)] });
    expect(matchShown(verdict, JSON.parse(JSON.stringify(found)))).toEqual([]);
  });

  const changes = tables(page).find(({ columns }) => columns[0] === 'before')?.rows ?? [];
  const field = (cell: string): object[] =>
    cell === '-' ? [] : [{ name: 'changed', ...(parse(cell.slice(1, -1).replaceAll('\\|', '|')) as object) }];
  const stays = { name: 'stays', logicalType: 'string' };

  it('has changes to judge', () => expect(changes.length).toBeGreaterThan(10));

  it.each(changes.map((row) => [row.before, row.after, row.BACKWARD, row.FORWARD]))(
    'says of %s → %s: BACKWARD %s, FORWARD %s',
    (before, after, backward, forward) => {
      const previous = [contract('1.0.0', [stays, ...field(before)])];
      const proposed = contract('2.0.0', [stays, ...field(after)]);
      const answer = (mode: 'BACKWARD' | 'FORWARD'): string =>
        checkCompatibility({ mode, proposed, previous }).compatible ? 'yes' : 'no';
      expect([answer('BACKWARD'), answer('FORWARD')]).toEqual([backward, forward]);
    },
  );
});
