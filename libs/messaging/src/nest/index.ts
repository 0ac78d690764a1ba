export { MessageContext } from './message-context';
export { MessagingServer, type MessagingServerOptions } from './messaging-server';
export { publishJson, type PublishOptions } from './publish-json';
