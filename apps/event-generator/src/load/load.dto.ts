import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsInt, IsNumber, IsOptional, IsString, Length, Max, Min } from 'class-validator';
import { EVENT_TYPES, type EventType } from '../events/event';
import { LOAD_EVENTS_PER_REQUEST_MAX, LOAD_RATE_MAX, LOAD_SECONDS_MAX, SEED_CHARS_MAX } from '../limits';
import { IsInstant } from '../parameters';

const share = (description: string) => ({ type: Number, minimum: 0, maximum: 1, default: 0, description });

/** The body of `POST /load`. */
export class LoadBody {
  @ApiProperty({ enum: EVENT_TYPES })
  @IsIn(EVENT_TYPES)
  type!: EventType;

  @ApiProperty({ minimum: 0.1, maximum: LOAD_RATE_MAX, description: 'Items a second, whatever the target does.' })
  @IsNumber()
  @Min(0.1)
  @Max(LOAD_RATE_MAX)
  ratePerSecond!: number;

  @ApiProperty({ minimum: 0.1, maximum: LOAD_SECONDS_MAX })
  @IsNumber()
  @Min(0.1)
  @Max(LOAD_SECONDS_MAX)
  seconds!: number;

  @ApiProperty({
    required: false,
    ...share('Share of items that repeat an event: byte for byte, rewritten, or changed.'),
  })
  @IsNumber()
  @Min(0)
  @Max(1)
  duplicates = 0;

  @ApiProperty({ required: false, ...share('Share of items whose event happened hours or days before.') })
  @IsNumber()
  @Min(0)
  @Max(1)
  late = 0;

  @ApiProperty({ required: false, ...share('Share of items that are damaged, in as many ways as the type allows.') })
  @IsNumber()
  @Min(0)
  @Max(1)
  corrupt = 0;

  @ApiProperty({
    required: false,
    minLength: 1,
    maxLength: SEED_CHARS_MAX,
    description: 'The same body with seed and `from`: the same items. Drawn and answered where it is not given.',
  })
  @IsOptional()
  @IsString()
  @Length(1, SEED_CHARS_MAX)
  seed?: string;

  @ApiProperty({
    required: false,
    format: 'date-time',
    description: "Where the events' clock begins, which then keeps pace with the load. Now, unless given.",
  })
  @IsOptional()
  @IsInstant()
  from?: string;

  @ApiProperty({
    required: false,
    minimum: 1,
    maximum: LOAD_EVENTS_PER_REQUEST_MAX,
    description: 'Items a request; a fiftieth of the rate unless given, at most 100.',
  })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(LOAD_EVENTS_PER_REQUEST_MAX)
  eventsPerRequest?: number;
}
