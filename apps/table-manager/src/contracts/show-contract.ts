import { type ContractFormat, formatOf, odcsDocument } from './contract-body';

export interface Shown {
  readonly type: string;
  readonly body: unknown;
}

/** A stored contract in the format that was asked for. */
export function showContract(text: string, format: ContractFormat | undefined, accept: string | undefined): Shown {
  switch (formatOf(format)) {
    default:
      // Without a wish it is the file itself.
      return accept?.toLowerCase().includes('application/json')
        ? { type: 'application/json; charset=utf-8', body: odcsDocument(text) }
        : { type: 'application/yaml; charset=utf-8', body: text };
  }
}
