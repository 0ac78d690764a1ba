import {
  type ArgumentMetadata,
  type ArgumentsHost,
  type ExceptionFilter,
  type PipeTransform,
  ValidationPipe,
} from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pathStepOf } from './json-path';
import { type ProblemDetail, ProblemException } from './problem';

/** What answers an error, for Nest's handlers and raw routes alike. */
export type ErrorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** Hands what a controller throws to the error handler of the raw routes, so that both answer in the same way. */
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly handle: ErrorHandler) {}

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const http = host.switchToHttp();
    this.handle(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }
}

const ROOT: Partial<Record<ArgumentMetadata['type'], string>> = { body: '$', query: 'query', param: 'params' };
const PLAIN: ReadonlySet<unknown> = new Set([String, Number, Boolean, Array, Object, Buffer]);

/**
 * Validates DTOs with class-validator; unknown members are refused rather than dropped. The validator is loaded with
 * the first DTO, so a service without any does not pay for it. An optional member that is null is absent.
 */
export class DtoPipe implements PipeTransform {
  private readonly pipes = new Map<string, ValidationPipe>();

  transform(value: unknown, metadata: ArgumentMetadata): unknown {
    const root = ROOT[metadata.type];
    if (root === undefined || !metadata.metatype || PLAIN.has(metadata.metatype)) return value;
    // The validator would take anything for an object without members.
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      const detail = `The ${metadata.type} must be an object.`;
      throw new ProblemException(400, { detail, errors: [{ path: root, rule: 'object', detail }] });
    }
    return (this.pipe(root).transform(value, metadata) as Promise<object>).then(withoutNulls);
  }

  private pipe(root: string): ValidationPipe {
    let pipe = this.pipes.get(root);
    if (!pipe) {
      pipe = new ValidationPipe({
        whitelist: true,
        forbidNonWhitelisted: true,
        forbidUnknownValues: true,
        transform: true,
        stopAtFirstError: false,
        exceptionFactory: (failures) => refusal(root, failures),
      });
      this.pipes.set(root, pipe);
    }
    return pipe;
  }
}

/**
 * The validator lets null through where a member may be absent: then it is absent, so that handlers meet one of the two.
 * What a DTO holds of somebody else's making, which is no DTO, is left as it is.
 */
function withoutNulls<T extends object>(dto: T): T {
  for (const [name, value] of Object.entries(dto) as [keyof T, unknown][]) {
    if (value === null) delete dto[name];
    else if (isDto(value)) withoutNulls(value);
  }
  return dto;
}

function isDto(value: unknown): value is object {
  const prototype: object | null = typeof value === 'object' ? Object.getPrototypeOf(value) : null;
  return prototype !== null && !PLAIN.has(prototype.constructor);
}

/** Errors reported of one request. */
const ERRORS_MAX = 50;

function refusal(root: string, failures: ValidationError[]): ProblemException {
  const errors = failures.flatMap((failure) => flatten(root, failure)).slice(0, ERRORS_MAX);
  const first = errors[0];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new ProblemException(400, { detail: `${first.path}: ${first.detail}${more}.`, errors });
}

function flatten(parent: string, { property, constraints = {}, children = [] }: ValidationError): ProblemDetail[] {
  const path = parent + pathStepOf(property);
  const own = Object.entries(constraints).map(([rule, detail]) => ({
    path,
    rule: rule === 'whitelistValidation' ? 'unknown' : rule,
    detail: rule === 'whitelistValidation' ? `${property} is not a member of this request` : detail,
  }));
  return [...own, ...children.flatMap((child) => flatten(path, child))];
}
