import { Body, Controller, Header, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import type { Principal } from '@millrace/auth';
import { Access, Caller } from '@millrace/auth/nest';
import { parseToken } from '@millrace/privacy';
import type { AuditRecord } from '@millrace/topics';
import { ArrayMaxSize, ArrayMinSize, IsArray, IsString, Length, Matches, MaxLength } from 'class-validator';
import { withKeys } from './keys-away';
import { reveal, type RevealDeps, type Revealed } from './reveal';

export const REVEAL = Symbol('reveal');

export interface RevealParts extends RevealDeps {
  /** Resolves once the record is durable. */
  readonly audit: (record: Omit<AuditRecord, 'id'>) => Promise<void>;
  readonly now: () => number;
}

const TOKENS_MAX = 100;
/** Of a token of a value of a megabyte, which is what an event may have. */
const TOKEN_CHARS_MAX = 1_500_000;
const REASON_CHARS_MAX = 500;

export class RevealBody {
  @ApiProperty({ type: [String], description: `Reversible tokens (\`rev_…\`), at most ${TOKENS_MAX}.` })
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(TOKENS_MAX)
  @IsString({ each: true })
  @MaxLength(TOKEN_CHARS_MAX, { each: true })
  tokens!: string[];

  @ApiProperty({ description: 'Why this has to be seen, for the audit; it must not hold personal data itself.' })
  @IsString()
  @Length(1, REASON_CHARS_MAX)
  @Matches(/\S/, { message: 'reason must say why' })
  reason!: string;
}

@ApiTags('privacy')
@Controller('/v1/tokens')
export class RevealController {
  constructor(@Inject(REVEAL) private readonly parts: RevealParts) {}

  @Post('reveal')
  @HttpCode(200)
  @Access('revealer')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'What reversible tokens stand for',
    description:
      'Takes the role revealer, which no other role includes. Who asked, why, and for tokens of which keys is in the audit before there is an answer; values never are.',
  })
  async reveal(@Caller() caller: Principal, @Body() body: RevealBody): Promise<{ rows: Revealed[] }> {
    const { tenant, subject: actor } = caller;
    const rows = await withKeys(() => reveal(this.parts, tenant, body.tokens));
    const keys = new Set(body.tokens.flatMap((token) => parseToken(token)?.keyId ?? []));
    await this.parts.audit({
      at: new Date(this.parts.now()).toISOString(),
      ...{ tenant, service: 'curation-worker', action: 'privacy.tokens_revealed', actor },
      subject: `${rows.length} tokens`,
      detail: {
        ...{ reason: body.reason, keys: [...keys].sort() },
        revealed: rows.filter((row) => 'value' in row).length,
      },
    });
    return { rows };
  }
}
