import fs from 'node:fs';
import path from 'node:path';
import { ContractError } from '../contract-error';
import { corpus } from '../corpora-dir';
import { avroFingerprint, parsingCanonicalForm } from './canonical';
import { parseAvroSchema } from './parse';
import { resolveAvro } from './resolve';

const dir = corpus('compat');

describe(dir ? "Avro's own cases" : "Avro's own cases (absent)", () => {
  if (!dir) return void it('are left out for the reason printed', () => expect(dir).toBeNull());

  const cases = <T>(file: string): T[] => JSON.parse(fs.readFileSync(path.join(dir, file), 'utf8')) as T[];

  it('of readers and writers have equal verdicts, and each refusal has words and an example', () => {
    const pairs = cases<{ id: string; old: unknown; new: unknown; expected: boolean }>('avro_reader_writer.json');
    const found = pairs.map((pair) => {
      const differences = resolveAvro(
        parseAvroSchema(JSON.stringify(pair.new)),
        parseAvroSchema(JSON.stringify(pair.old)),
      );
      for (const d of differences) expect([d.writer, d.reader, d.mendReader, d.mendWriter]).not.toContain('');
      return { id: pair.id, compatible: differences.length === 0 };
    });
    expect(found).toEqual(pairs.map(({ id, expected }) => ({ id, compatible: expected })));
    expect(found).toHaveLength(131);
  });

  it('of canonical forms and fingerprints are equal', () => {
    const forms = cases<{ input: unknown; canonical: string; crc64: string | null }>('avro_canonical_form.json');
    expect(forms).toHaveLength(34);
    for (const { input, canonical, crc64 } of forms) {
      const schema = parseAvroSchema(JSON.stringify(input));
      expect(parsingCanonicalForm(schema)).toBe(canonical);
      if (crc64 !== null) expect(String(avroFingerprint(schema))).toBe(crc64);
    }
  });

  it('of schema texts are valid or refused alike', () => {
    const texts = cases<{ schema_text: string; valid: boolean }>('avro_schema_validity.json');
    expect(texts).toHaveLength(96);
    const verdicts = texts.map(({ schema_text: text }) => {
      try {
        parseAvroSchema(text);
        return { text, valid: true };
      } catch (error) {
        expect(error).toBeInstanceOf(ContractError);
        return { text, valid: false };
      }
    });
    expect(verdicts).toEqual(texts.map(({ schema_text: text, valid }) => ({ text, valid })));
  });
});
