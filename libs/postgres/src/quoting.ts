import { escapeIdentifier, escapeLiteral } from 'pg';

/** `name` as one SQL identifier, for the places where a parameter is not allowed. */
export const quoteIdentifier = (name: string): string => escapeIdentifier(name);

/** `value` as one SQL literal, for statements that take no parameters (COPY, CREATE ROLE, SET). */
export const quoteLiteral = (value: string): string => escapeLiteral(value);
