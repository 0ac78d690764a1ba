import type { ArgumentsHost, CallHandler, ExceptionFilter, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Catch } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Observable } from 'rxjs';
import { SCHEMA_REGISTRY_TYPES } from '../contracts/body-parsers';
import { SCHEMA_TYPES, type SchemaType } from './read-schema';
import { SchemaRegistryError } from './registry-error';
import type { RegisteredSchema } from './store';

const [TYPE] = SCHEMA_REGISTRY_TYPES;

/** Refusals as clients of the Schema Registry read them: `{error_code, message}`. */
@Catch(SchemaRegistryError)
export class SchemaRegistryFilter implements ExceptionFilter<SchemaRegistryError> {
  catch(error: SchemaRegistryError, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    reply
      .code(error.status)
      .header('content-type', TYPE)
      .serializer(JSON.stringify)
      .send({ error_code: error.errorCode, message: error.message });
  }
}

/** Answers in the registry's own type; numbers and strings are JSON there, too. */
export class SchemaRegistryAnswers implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    reply.header('content-type', TYPE).serializer(JSON.stringify);
    return next.handle();
  }
}

export interface SchemaBody {
  readonly type: SchemaType;
  readonly text: string;
}

/** The schema of a request. Members that clients send and that mean nothing here (metadata, rule sets) are passed over. */
export function schemaIn(body: unknown): SchemaBody {
  const { schema, schemaType, references } = (typeof body === 'object' && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  if (typeof schema !== 'string' || schema === '') throw invalid('Empty schema');
  const type = schemaType === undefined || schemaType === null || schemaType === '' ? 'AVRO' : schemaType;
  if (!SCHEMA_TYPES.includes(type as SchemaType))
    throw invalid(`Invalid schema type ${JSON.stringify(schemaType)}: it is one of ${SCHEMA_TYPES.join(', ')}`);
  if (Array.isArray(references) && references.length > 0)
    throw invalid('Invalid schema: references to other schemas are not supported, give it whole');
  return { type: type as SchemaType, text: schema };
}

const invalid = (message: string): SchemaRegistryError => new SchemaRegistryError('invalid_schema', message);

/** Avro, the default, is not named. */
export const shownType = ({ type }: Pick<RegisteredSchema, 'type'>): { schemaType?: SchemaType } =>
  type === 'AVRO' ? {} : { schemaType: type };

export const isTrue = (parameter: unknown): boolean => parameter === 'true';
