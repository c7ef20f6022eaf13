/** The public names of `kindling/connectors/http`. */

export {
  type EventStreamOptions,
  HttpUtils,
  type PushStreamOptions,
  type ServerEvent,
  type WebSocketStreamOptions,
} from './http-utils.ts'
export type { JsonValue } from './push-body.ts'
