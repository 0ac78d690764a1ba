import { anchors, fencedBlocks, links, tables } from './markdown';

const PAGE = `# Title: of \`it\`

See [one](a.md), [two](b.md#part "B") and \`[not](a.link)\`.

\`\`\`sh
curl [x](y)
# no heading
\`\`\`

~~~
\`\`\`
~~~

## Title of it

## Title of it

| a | b |
|---|:-:|
| 1 | \`x\\|y\` |
| 2 | |

after
`;

it('takes fenced blocks with their language and line', () => {
  expect(fencedBlocks(PAGE)).toEqual([
    { language: 'sh', text: 'curl [x](y)\n# no heading', line: 5 },
    { language: '', text: '```', line: 10 },
  ]);
  expect(() => fencedBlocks('a\n```sh\nb')).toThrow('line 2 is not closed');
});

it('takes links that are no code', () => {
  expect(links(PAGE)).toEqual([
    { text: 'one', target: 'a.md', line: 3 },
    { text: 'two', target: 'b.md#part', line: 3 },
  ]);
});

it('makes the anchors of headings', () => {
  expect([...anchors(PAGE)]).toEqual(['title-of-it', 'title-of-it-1', 'title-of-it-2']);
  expect([...anchors('# Title: of it, *really*')]).toEqual(['title-of-it-really']);
});

it('takes tables by column', () => {
  expect(tables(PAGE)).toEqual([
    {
      columns: ['a', 'b'],
      rows: [
        { a: '1', b: '`x|y`' },
        { a: '2', b: '' },
      ],
    },
  ]);
});
