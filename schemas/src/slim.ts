/**
 * The contract as bundlers for browsers and React Native take it: as `index.ts`, whose types hold here too, on a smaller
 * codec. The tables of methods and limits, the admin calls and ProtoJSON are left out.
 * @module
 */
import { GodwitError } from './errors.js';
import { Code } from './gen/godwit/v1/code_pb.js';
import { calls, find } from './gen/slim.js';
import type { Slim } from './slim/codec.js';

export { create, fromBinary, toBinary } from './slim/codec.js';
export * from './gen/slim.js';
export { Code } from './gen/godwit/v1/code_pb.js';
export { GroupChangeKind, GroupPermission, GroupRole, Reason, State } from './gen/godwit/v1/message_pb.js';
export { Audience } from './gen/godwit/v1/people_pb.js';
export * from './ids.js';
export * from './conversations.js';
export * from './topics.js';
export * from './errors.js';
export { FILTER_BYTES, MESSAGE_BYTES } from './limits.js';
export * from './ulid.js';
export * from './envelope.js';
export * from './device-bodies.js';
export * from './stamp.js';
export * from './receipt.js';
export { varintSize, writeVarint } from './varint.js';

/** As that of `methods.ts`. @throws GodwitError UNKNOWN_METHOD */
export function callSchemas(name: string): { request: Slim; response: Slim } {
  if (!Object.hasOwn(calls, name)) throw new GodwitError(Code.UNKNOWN_METHOD, name);
  const [request, response] = calls[name];
  return { request: find(request), response: find(response) };
}
