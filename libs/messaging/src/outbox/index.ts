export { type Outbox, type OutboxMessage, OutboxRelay, type OutboxRelayOptions } from './relay';
export { type OutboxEntry, TableOutbox } from './table';
