import { type Contract, ContractError, loadContract } from '@millrace/contracts';
import { checkCompatibility, COMPATIBILITY_MODES, type CompatibilityMode } from '@millrace/contracts/compatibility';
import { contractToAvro, contractToJsonSchema, type Loss } from '@millrace/contracts/convert';
import { contractPage, contractTypes, tableDdl, type Warehouse, WAREHOUSES } from '@millrace/contracts/outputs';

/** What a command has to work with: files that were read already, and where its words go. */
export interface ContractFile {
  readonly file: string;
  readonly text: string;
}

export interface Written {
  /** For standard output or the file that `--out` names. */
  readonly text: string;
  /** For the person: what was lost, what is wrong. */
  readonly notes: readonly string[];
  /** 1 where something is wrong with what was asked about. */
  readonly status: 0 | 1;
}

/** A command line that cannot be obeyed; the message says why. */
export class UsageError extends Error {}

export const COMMANDS = ['types', 'docs', 'ddl', 'json-schema', 'avro', 'check'] as const;
export type Command = (typeof COMMANDS)[number];

export interface Options {
  readonly warehouse?: string;
  readonly mode?: string;
}

export function runContracts(command: Command, files: readonly ContractFile[], options: Options): Written {
  const contracts = files.map(load);
  switch (command) {
    case 'types':
      return said(contractTypes(contracts));
    case 'docs':
      return said(contracts.map(contractPage).join('\n'));
    case 'ddl': {
      const warehouse = oneOf(options.warehouse ?? 'delta', WAREHOUSES, '--warehouse') as Warehouse;
      return said(contracts.map((contract) => tableDdl(contract, warehouse)).join('\n'));
    }
    case 'json-schema':
      return converted(only(contracts), contractToJsonSchema);
    case 'avro':
      return converted(only(contracts), contractToAvro);
    case 'check':
      return check(contracts, oneOf(options.mode ?? 'BACKWARD', COMPATIBILITY_MODES, '--mode') as CompatibilityMode);
  }
}

function load({ file, text }: ContractFile): Contract {
  try {
    return loadContract(text);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    throw new UsageError(
      error.problems.map(({ path, rule }) => `${file}: ${path ? `${path}: ` : ''}${rule}`).join('\n'),
    );
  }
}

const said = (text: string): Written => ({ text, notes: [], status: 0 });

function oneOf(value: string, allowed: readonly string[], option: string): string {
  if (allowed.includes(value)) return value;
  throw new UsageError(`${option} takes one of ${allowed.join(', ')}, not ${value}`);
}

function only(contracts: readonly Contract[]): Contract {
  if (contracts.length === 1) return contracts[0];
  throw new UsageError(`one file at a time: ${contracts.length} were given`);
}

function converted(
  contract: Contract,
  convert: (contract: Contract) => { readonly schema: object; readonly losses: readonly Loss[] },
): Written {
  const { schema, losses } = convert(contract);
  return {
    text: `${JSON.stringify(schema, null, 2)}\n`,
    notes: losses.map(({ path, what, why }) => `${path}: ${what} is not said: ${why}`),
    status: 0,
  };
}

/** The first file is the proposed version, those after it earlier ones, newest first. */
function check([proposed, ...previous]: readonly Contract[], mode: CompatibilityMode): Written {
  if (previous.length === 0)
    throw new UsageError('check takes the proposed file and at least one of an earlier version');
  const verdict = checkCompatibility({ mode, proposed, previous });
  const findings = verdict.against.flatMap(({ version, findings: list }) =>
    list.map(
      ({ path, rule, message, suggestion, counterExample }) =>
        `against ${version}: ${path} (${rule})\n  ${message}\n  ${suggestion}\n` +
        (counterExample ? `  For example: ${JSON.stringify(counterExample.value)}\n` : ''),
    ),
  );
  const compared = verdict.against.map(({ version }) => version).join(', ') || 'nothing';
  const headline = `${proposed.name} ${proposed.version} is ${verdict.compatible ? '' : 'not '}compatible (${mode}) with ${compared}\n`;
  const notes = (verdict.notes ?? []).map(({ path, message }) => `${path}: ${message}`);
  return { text: [headline, ...findings].join('\n'), notes, status: verdict.compatible ? 0 : 1 };
}
