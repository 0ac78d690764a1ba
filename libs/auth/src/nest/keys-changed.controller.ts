import { Controller, Inject } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { TOPICS } from '@millrace/topics';
import { KeyRing } from '../keys/key-ring';

/** Looks for newer API keys as soon as they are told of; a timer looks as well, so a message may be lost. */
@Controller()
export class KeysChangedController {
  constructor(@Inject(KeyRing) private readonly keys: KeyRing) {}

  @EventPattern(TOPICS.keysChanged.name)
  async onKeysChanged(): Promise<void> {
    await this.keys.refresh();
  }
}
