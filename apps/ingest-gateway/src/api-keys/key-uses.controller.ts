import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { GROUPS, type KeysUsed, TOPICS } from '@millrace/topics';
import { KEY_STORE } from './api-keys.controller';
import type { KeyStore } from './port';

/** Keeps when other services were last called with a key. */
@Controller()
export class KeyUsesController {
  constructor(@Inject(KEY_STORE) private readonly store: KeyStore) {}

  @EventPattern(TOPICS.keysUsed.name, { group: GROUPS.gatewayKeyUses.group })
  async onKeysUsed(@Payload() { uses }: KeysUsed): Promise<void> {
    const times = Object.entries(uses).map(([id, at]) => [id, Date.parse(at)] as const);
    await this.store.noteUses(new Map(times.filter(([, at]) => !Number.isNaN(at))));
  }
}
