export { connect, type Answer, type Api, type CallOptions, type ConnectOptions, type RetryOptions } from './connect.ts';
export type { DryRun, Product } from './contract.ts';
export { MillraceError } from './error.ts';
export { isEvent, readWebhook, verifyWebhook, WebhookError, type Envelope, type EventOf, type PlatformEvent } from './events.ts';
export { mcpBearer } from './mcp.ts';
export { sign, type Credential } from './sign.ts';
export type { EventCode, EventPayloads } from './generated/events.ts';
export * from './generated/index.ts';
