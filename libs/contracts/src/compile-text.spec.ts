import { readCatalogDir } from './catalog-dir';
import { compileText } from './compile-text';

const [{ yaml }] = readCatalogDir();

test('a text is compiled once, another text by itself', () => {
  const compiled = compileText(yaml);
  expect(compileText(yaml)).toBe(compiled);
  const other = compileText(yaml.replace('version: 1.0.0', 'version: 1.0.1'));
  expect([compiled.version, other.version]).toEqual(['1.0.0', '1.0.1']);
  expect(compileText(yaml)).toBe(compiled);
});

test('a text that is no contract is refused each time', () => {
  for (let i = 0; i < 2; i++) expect(() => compileText('kind: DataContract\nnonsense: true\n')).toThrow();
});
