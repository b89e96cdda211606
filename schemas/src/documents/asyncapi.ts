import type { Registry } from '@bufbuild/protobuf';
import { limits } from '../limits.js';
import { methods } from '../methods.js';
import { deliveryTopics, publishTopics } from '../topics.js';
import { callVectorName } from './control-vectors.js';
import { JsonSchemas, type JsonObject } from './json-schema.js';
import type { Vector } from './vector.js';
import { vectors } from './vectors.js';

const protobuf = 'application/x-protobuf';

/** A topic, as the tables below list it. */
interface Topic {
  address: string;
  about: string;
  qos: 0 | 1;
  retain?: boolean;
  messages: string[];
}

/** What a device publishes. */
const publishes: Record<string, Topic> = {
  to: { address: publishTopics.to('{user}'), about: 'A one-to-one message. Its PUBACK means: durable, or refused, as the Result before it says.', qos: 1, messages: ['message'] },
  toRaw: { address: publishTopics.toRaw('{user}'), about: 'A one-to-one message of a plain device: the server makes the Message around the bytes.', qos: 1, messages: ['raw'] },
  group: { address: publishTopics.group('{group}'), about: 'A message to a group.', qos: 1, messages: ['message'] },
  groupRaw: { address: publishTopics.groupRaw('{group}'), about: 'A message to a group, of a plain device.', qos: 1, messages: ['raw'] },
  read: { address: publishTopics.read('{conversation}'), about: 'The user has read up to a place. Durable before its PUBACK.', qos: 1, messages: ['read'] },
  startTyping: { address: publishTopics.typing('{conversation}'), about: 'The user is typing.', qos: 0, messages: ['empty'] },
  ownPresence: { address: publishTopics.presence('{user}'), about: "The device's own presence, and its will: only under the user's own name.", qos: 1, retain: true, messages: ['presence'] },
  call: { address: publishTopics.rpc('{method}'), about: 'A control call. The answer comes to the asking connection alone.', qos: 1, messages: ['call', ...Object.keys(methods).map(paramsName)] },
};

/** What a device receives. */
const receives: Record<string, Topic> = {
  msg: { address: deliveryTopics.msg('{user}'), about: "Messages of all conversations, with the server's stamp, each conversation in the order of seq. The PUBACK is the acknowledgement of delivery.", qos: 1, messages: ['delivered', 'event'] },
  raw: { address: deliveryTopics.raw('{user}', '{conversation}', '{from}'), about: 'The body alone, for a plain device that subscribes to `u/<user>/raw/#` and not to `msg`: same cursor, same order.', qos: 1, messages: ['raw'] },
  gap: { address: deliveryTopics.gap('{user}'), about: 'Gaps of a plain device.', qos: 1, messages: ['rawGap'] },
  result: { address: deliveryTopics.result('{user}'), about: 'What became of a publish, written before its PUBACK; or why the connection ends.', qos: 0, messages: ['result'] },
  receipt: { address: deliveryTopics.receipt('{user}'), about: 'A floor that moved: all others have, or have read, everything up to a place.', qos: 1, messages: ['receipt'] },
  feed: { address: deliveryTopics.feed('{user}'), about: "Entries of the user's private log.", qos: 1, messages: ['event'] },
  answer: { address: deliveryTopics.rpc('{user}'), about: 'The answer of a control call. One that is lost is had again by repeating the call id.', qos: 0, messages: ['answer', ...Object.keys(methods).map(valueName)] },
  typing: { address: deliveryTopics.typing('{user}'), about: 'Someone is typing.', qos: 0, messages: ['typing'] },
  presence: { address: deliveryTopics.presence('{user}'), about: 'The presence of a user that the device subscribed to and may see.', qos: 1, retain: true, messages: ['presence'] },
};

/** The AsyncAPI 3.0 document of the topics, seen from a device: it sends what it publishes. `registry`: with source information. */
export function asyncApi(registry: Registry, version: string): JsonObject {
  const schemas = new JsonSchemas(registry, '#/components/schemas/');
  const messages = allMessages(schemas);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Godwit, seen from a device',
      version,
      description: `A device connects with MQTT 3.1.1, client id \`<user>:<device>\`, clean session off, and subscribes once to \`${deliveryTopics.all('<user>')}\` at QoS 1. It sends what stands here as sent, and receives what stands as received.\n\nPayloads are protobuf (proto/godwit/v1). Their schemas are given in the ProtoJSON form; \`x-protobuf-message\` names the message that is encoded.`,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: protobuf,
    servers: {
      tcp: server('mqtt', '127.0.0.1:1883', 'MQTT over TCP.'),
      tls: server('mqtts', '127.0.0.1:8883', 'MQTT over TLS, when the server has a certificate.'),
      webSocket: { ...server('ws', '127.0.0.1:8080', 'MQTT over WebSocket, subprotocol mqtt (wss when the server has a certificate).'), pathname: '/mqtt' },
    },
    channels: Object.fromEntries([...entries(publishes), ...entries(receives)].map(([name, topic]) => [name, channel(topic)])),
    operations: Object.fromEntries([
      ...entries(publishes).map(([name, topic]) => [`send.${name}`, operation('send', name, topic)]),
      ...entries(receives).map(([name, topic]) => [`receive.${name}`, operation('receive', name, topic)]),
    ]),
    components: {
      securitySchemes: {
        token: { type: 'userPassword', description: 'Username: the user. Password: a JWT whose `sub` is the user and whose `device`, if there, is the device.' },
      },
      parameters: {
        user: { description: 'A user id: 1 to 64 of A-Z a-z 0-9 _ -.' },
        from: { description: 'The user who sent it.' },
        group: { description: 'A group id: 1 to 64 of A-Z a-z 0-9 _ -.' },
        conversation: { description: 'd:<user>:<user> (sorted by bytes), g:<group> or u:<user>.' },
        method: { description: 'The name of a control call.', enum: Object.keys(methods) },
      },
      messages,
      schemas: schemas.all(),
    },
  };
}

function server(protocol: string, host: string, description: string): JsonObject {
  return { host, protocol, protocolVersion: '3.1.1', description, security: [{ $ref: '#/components/securitySchemes/token' }] };
}

function channel(topic: Topic): JsonObject {
  const names = [...topic.address.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  return {
    address: topic.address,
    description: topic.about,
    parameters: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/parameters/${name}` }])),
    messages: Object.fromEntries(topic.messages.map((name) => [name, { $ref: `#/components/messages/${name}` }])),
  };
}

function operation(action: 'send' | 'receive', name: string, topic: Topic): JsonObject {
  const reply = { channel: { $ref: '#/channels/answer' }, messages: receives.answer.messages.map((message) => ({ $ref: `#/channels/answer/messages/${message}` })) };
  return {
    action,
    summary: topic.about,
    channel: { $ref: `#/channels/${name}` },
    messages: topic.messages.map((message) => ({ $ref: `#/channels/${name}/messages/${message}` })),
    bindings: { mqtt: { qos: topic.qos, retain: topic.retain ?? false, bindingVersion: '0.2.0' } },
    ...(name === 'call' && { reply }),
  };
}

function allMessages(schemas: JsonSchemas): JsonObject {
  const golden = vectors();
  const messages: JsonObject = {
    message: encoded(schemas, 'godwit.v1.Message', `A message as its sender makes it: fields 1-9, at most ${limits.messageBytes.value} bytes.`, golden.get('message')!),
    delivered: encoded(schemas, 'godwit.v1.Message', "A message with the server's stamp.", golden.get('stamp')!),
    event: encoded(schemas, 'godwit.v1.Message', "The server's own entry: a gap, a change of a group, an entry of the feed.", golden.get('event')!),
    result: encoded(schemas, 'godwit.v1.Result', 'What became of a publish.', golden.get('result')!),
    receipt: encoded(schemas, 'godwit.v1.Receipt', 'Floors of a conversation.', golden.get('receipt')!),
    read: encoded(schemas, 'godwit.v1.Read', 'A place in the conversation.', golden.get('read')!),
    typing: encoded(schemas, 'godwit.v1.Typing', 'Who types where.', golden.get('typing')!),
    presence: encoded(schemas, 'godwit.v1.Presence', 'A state and when the user was last heard.', golden.get('presence')!),
    call: encoded(schemas, 'godwit.v1.Request', "A call id and the method's encoded request.", typed(golden, 'godwit.v1.Request')),
    answer: encoded(schemas, 'godwit.v1.Response', "The call id and the method's encoded response, or why not.", typed(golden, 'godwit.v1.Response')),
    empty: { title: 'Nothing', contentType: 'application/octet-stream', payload: { type: 'string', maxLength: 0 } },
    raw: { title: 'Any bytes', contentType: 'application/octet-stream', payload: { description: 'The body, as the app of the device understands it.' } },
    rawGap: {
      title: 'Gap, as JSON',
      contentType: 'application/json',
      payload: {
        allOf: [{ type: 'object', required: ['conversation'], properties: { conversation: { type: 'string' } } }, { type: 'object', properties: (withSchema(schemas, 'godwit.v1.Gap').properties as JsonObject) }],
      },
      examples: [{ name: 'expired', payload: { conversation: 'd:alice:bob', from: '3', to: '5', reason: 'EXPIRED' } }],
    },
  };
  for (const [name, method] of Object.entries(methods)) {
    const example = (part: 'request' | 'response'): Vector[] => golden.get('control')!.filter((vector) => vector.name === callVectorName(name, part));
    messages[paramsName(name)] = encoded(schemas, method.request.typeName, `${method.doc} Encoded into \`params\` of the call.`, example('request'));
    messages[valueName(name)] = encoded(schemas, method.response.typeName, `The answer of ${name}, encoded into \`value\` of the answer.`, example('response'));
  }
  return messages;
}

function encoded(schemas: JsonSchemas, typeName: string, summary: string, examples: Vector[]): JsonObject {
  return {
    name: typeName,
    title: typeName.slice(typeName.lastIndexOf('.') + 1),
    summary,
    contentType: protobuf,
    payload: schemas.ref(typeName),
    'x-protobuf-message': typeName,
    examples: examples.map((vector) => ({ name: vector.name, payload: vector.json })),
  };
}

function withSchema(schemas: JsonSchemas, typeName: string): JsonObject {
  const { $ref } = schemas.ref(typeName);
  return schemas.all()[$ref.slice($ref.lastIndexOf('/') + 1)] as JsonObject;
}

function typed(golden: Map<string, Vector[]>, typeName: string): Vector[] {
  return golden.get('control')!.filter((vector) => vector.type === typeName);
}

function paramsName(method: string): string {
  return `${method}.params`;
}

function valueName(method: string): string {
  return `${method}.value`;
}

function entries(topics: Record<string, Topic>): [string, Topic][] {
  return Object.entries(topics);
}
