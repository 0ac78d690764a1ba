import type { ContractProblem } from './contract-error';
import type { Contract, Property } from './model';
import { patternProblem } from './pattern-safety';
import { explodesOn } from './patterns/exponential';

/**
 * Patterns of a contract that take exponential time in engines that try one way after the other. Validation here does not
 * suffer from them, but a contract is given to others too, as JSON Schema: none is published anew with such a pattern.
 */
export function explosivePatterns({ properties }: Pick<Contract, 'properties'>): ContractProblem[] {
  return properties.flatMap((property, i) => of(property, `schema[0].properties[${i}]`));
}

function of({ limits: { pattern }, properties, items }: Property, at: string): ContractProblem[] {
  const text = pattern === undefined || patternProblem(pattern) === null ? null : explodesOn(pattern);
  return [
    ...(text === null
      ? []
      : [
          {
            path: `${at}.logicalTypeOptions.pattern`,
            rule: `takes exponential time in many engines: a group that it repeats takes ${JSON.stringify(text)} in more than one way`,
          },
        ]),
    ...properties.flatMap((property, i) => of(property, `${at}.properties[${i}]`)),
    ...(items ? of(items, `${at}.items`) : []),
  ];
}
