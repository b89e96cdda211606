/**
 * The contract of Godwit: what travels, on which topics, under which limits, and what can go wrong.
 * Runs in Node, browsers and React Native; imports nothing but the protobuf runtime.
 * @module
 */
export { create, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
export type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
export * from './gen/godwit/v1/code_pb.js';
export * from './gen/godwit/v1/message_pb.js';
export * from './gen/godwit/v1/content_pb.js';
export * from './gen/godwit/v1/control_pb.js';
export * from './gen/godwit/v1/history_pb.js';
export * from './gen/godwit/v1/people_pb.js';
export * from './ids.js';
export * from './conversations.js';
export * from './topics.js';
export * from './errors.js';
export * from './limits.js';
export * from './methods.js';
export * from './ulid.js';
export * from './envelope.js';
export * from './device-bodies.js';
export * from './stamp.js';
export * from './receipt.js';
export { textSize, varintSize, writeText, writeVarint } from './varint.js';
