import { BaseRpcContext } from '@nestjs/microservices';
import type { BatchHeader, DeliveredRecord } from '../port';

export interface Message {
  readonly topic: string;
  readonly partition: string;
  readonly record: DeliveredRecord;
  readonly batch: BatchHeader;
  readonly appendedAt: Date;
  /** Aborted once another member may be handling the message too. */
  readonly signal: AbortSignal;
}

/** What a handler gets beside the message's JSON: `handle(@Payload() value, @Ctx() context: MessageContext)`. */
export class MessageContext extends BaseRpcContext<[Message]> {
  constructor(message: Message) {
    super([message]);
  }

  get message(): Message {
    return this.args[0];
  }

  /** W3C trace context of whoever sent the message. */
  get traceparent(): string | undefined {
    return this.message.record.headers['traceparent'] ?? this.message.batch.traceparent;
  }
}
