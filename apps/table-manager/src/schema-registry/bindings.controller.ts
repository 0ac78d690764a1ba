import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { ProblemException } from '@millrace/service';
import { IsIn, IsOptional } from 'class-validator';
import { ContractRegistry } from '../contracts/registry';
import { SCHEMA_TYPES, type SchemaType } from './read-schema';
import { SchemaRegistryFilter } from './answers';
import { assertSubject, SchemaRegistry } from './schema-registry';

const OPERATOR = ['operator', { deployment: true }] as const;

export class BindingBody {
  @ApiPropertyOptional({
    enum: SCHEMA_TYPES,
    description: 'As what the schemas of the contract are shown; default AVRO.',
  })
  @IsOptional()
  @IsIn(SCHEMA_TYPES)
  schemaType?: SchemaType;
}

/** Subjects of the Schema Registry whose schemas are those of a contract, e.g. `orders-value`. */
@ApiTags('contracts')
@Controller('/v1/contracts/:name/subjects')
@UseFilters(SchemaRegistryFilter)
export class BindingsController {
  constructor(
    @Inject(SchemaRegistry) private readonly schemas: SchemaRegistry,
    @Inject(ContractRegistry) private readonly contracts: ContractRegistry,
  ) {}

  @Get()
  @Access('viewer')
  @ApiOperation({ summary: 'Schema Registry subjects that are bound to a contract' })
  async bindings(@Param('name') name: string): Promise<object> {
    await this.assertContract(name);
    const rows = await this.schemas.store.bindings(name);
    return { rows: rows.map(({ subject, type }) => ({ subject, schemaType: type })) };
  }

  @Put(':subject')
  @Access(...OPERATOR)
  @ApiOperation({
    summary: 'Bind a subject to a contract',
    description:
      'Each published version of the contract is then a version of the subject, and nothing else can be registered.',
  })
  async bind(
    @Param('name') name: string,
    @Param('subject') subject: string,
    @Body() body: BindingBody,
  ): Promise<object> {
    // Null, as some clients write what they leave out, is no type either.
    const schemaType = body.schemaType ?? 'AVRO';
    assertSubject(subject);
    await this.assertContract(name);
    await this.schemas.store.change((change) => change.bind({ subject, contract: name, type: schemaType }));
    return { subject, contract: name, schemaType, versions: (await this.schemas.versions(subject)).length };
  }

  @Delete(':subject')
  @Access(...OPERATOR)
  @HttpCode(204)
  @ApiOperation({ summary: 'Unbind a subject; it keeps the versions that it has' })
  async unbind(@Param('name') name: string, @Param('subject') subject: string): Promise<void> {
    assertSubject(subject);
    const bound = await this.schemas.store.binding(subject);
    if (bound?.contract === name && (await this.schemas.store.change((change) => change.unbind(subject)))) return;
    throw new ProblemException(404, { detail: 'The subject is not bound to this contract.' });
  }

  private async assertContract(name: string): Promise<void> {
    if (await this.contracts.published.entry(name)) return;
    throw new ProblemException(404, { detail: `There is no contract ${name.slice(0, 128)}.` });
  }
}
