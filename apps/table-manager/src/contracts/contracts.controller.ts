import { Controller, Get, Header, Inject, Param } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '@millrace/auth/nest';
import { CONTRACT_VERSION_PREFIX, type ContractSet, contractVersionPath } from '@millrace/contracts';
import { ProblemException } from '@millrace/service';
import { type Storage, StorageError } from '@millrace/storage';
import { ContractsInForce } from './contracts-in-force';

export const STORAGE = Symbol('storage');

/** Names and versions as contracts have them; anything else is in no storage path of ours. */
const NAME = /^(?!\.+$)[A-Za-z0-9_.-]{1,128}$/;

/** Contracts are the deployment's: every tenant's events are checked against the same ones, so all may read them. */
@ApiTags('contracts')
@Controller('/v1/contracts')
export class ContractsController {
  constructor(
    @Inject(ContractsInForce) private readonly inForce: ContractsInForce,
    @Inject(STORAGE) private readonly storage: Storage,
  ) {}

  @Get()
  @Access('viewer')
  @ApiOperation({ summary: 'Contracts in force' })
  async list(): Promise<unknown> {
    const set = await this.newest();
    return {
      index: set.index,
      rows: set.contracts.map(({ name, version, eventTypes, table, dedupe }) => ({
        name,
        version,
        eventTypes,
        table,
        dedupe,
      })),
      unavailable: set.unavailable,
    };
  }

  @Get(':name')
  @Access('viewer')
  @Header('content-type', 'application/yaml; charset=utf-8')
  @ApiOperation({ summary: 'The contract in force, as its ODCS file' })
  async current(@Param('name') name: string): Promise<string> {
    const contract = (await this.newest()).byName(name);
    if (!contract) throw new ProblemException(404, { detail: `There is no contract ${name.slice(0, 128)}.` });
    return this.text(contract.name, contract.version);
  }

  @Get(':name/versions')
  @Access('viewer')
  @ApiOperation({ summary: 'Published versions of a contract' })
  async versions(@Param('name') name: string): Promise<unknown> {
    const versions: string[] = [];
    const prefix = NAME.test(name) ? `${CONTRACT_VERSION_PREFIX}${name}/` : null;
    if (prefix) {
      for await (const { path } of this.storage.list(prefix))
        versions.push(path.slice(prefix.length).replace(/\.odcs\.yaml$/, ''));
    }
    if (versions.length === 0)
      throw new ProblemException(404, { detail: `There is no contract ${name.slice(0, 128)}.` });
    const inForce = (await this.newest()).byName(name)?.version;
    return { rows: versions.map((version) => ({ name, version, inForce: version === inForce })) };
  }

  @Get(':name/versions/:version')
  @Access('viewer')
  @Header('content-type', 'application/yaml; charset=utf-8')
  @ApiOperation({ summary: 'One published version, as its ODCS file' })
  async version(@Param('name') name: string, @Param('version') version: string): Promise<string> {
    if (!NAME.test(name) || !NAME.test(version))
      throw new ProblemException(404, { detail: 'There is no such contract version.' });
    return this.text(name, version);
  }

  /** A standby has not published them itself. */
  private async newest(): Promise<ContractSet> {
    await this.inForce.reload();
    return this.inForce.current();
  }

  private async text(name: string, version: string): Promise<string> {
    try {
      return (await this.storage.get(contractVersionPath(name, version))).toString('utf8');
    } catch (error) {
      if (error instanceof StorageError && error.code === 'STORAGE_NOT_FOUND') {
        throw new ProblemException(404, { detail: 'There is no such contract version.' });
      }
      throw error;
    }
  }
}
