import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { deliveryTopics, errors, limits, methods, publishTopics } from 'godwit-schemas';

const require = createRequire(import.meta.url);

// Documents are JSON of any shape; what the tests rely on they assert.
type Json = any;

function load(name: string): Json {
  return JSON.parse(readFileSync(new URL(`../../../schemas/${name}.json`, import.meta.url), 'utf8'));
}

/** Every `$ref` of a document, and every value of a key. */
function collect(node: Json, key: string, found: Json[] = []): Json[] {
  if (typeof node !== 'object' || node === null) return found;
  for (const [name, value] of Object.entries(node)) {
    if (name === key) found.push(value);
    collect(value, key, found);
  }
  return found;
}

function resolve(document: Json, ref: string): Json {
  assert.ok(ref.startsWith('#/'), ref);
  return ref
    .slice(2)
    .split('/')
    .reduce((node, part) => node?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], document);
}

/** Checks values against schemas inside a document, whose references stay as they are. */
function checker(ajv: Ajv, document: Json): (schema: Json, value: Json, what: string) => void {
  (formats as unknown as (ajv: Ajv) => void)(ajv);
  ajv.addFormat('uint64', true);
  ajv.addSchema({ $id: 'document', components: document.components });
  return (schema, value, what) => {
    const rebased = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/'));
    const validate = ajv.compile(rebased);
    assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}`);
  };
}

describe('openapi.json', () => {
  const document = load('openapi');
  const operations = Object.keys(methods).map((name) => document.paths[`/v1/${name}`].post);

  test('is accepted by the validator, which refuses a broken one', async () => {
    const result = await new Validator().validate(structuredClone(document));
    assert.deepEqual([result.valid, result.errors], [true, undefined]);
    const broken = structuredClone(document);
    broken.paths['/v1/read.set'].post.responses = 'none';
    assert.equal((await new Validator().validate(broken)).valid, false);
  });

  test('every reference leads somewhere', () => {
    for (const ref of collect(document, '$ref')) assert.ok(resolve(document, ref), ref);
  });

  test('has every method, with both encodings, the call id, and nothing else under /v1', () => {
    const paths = Object.keys(document.paths).filter((path) => path.startsWith('/v1/') && !path.endsWith('.json'));
    assert.deepEqual(paths, Object.keys(methods).map((name) => `/v1/${name}`));
    for (const [name, method] of Object.entries(methods)) {
      const { post } = document.paths[`/v1/${name}`];
      assert.equal(post.operationId, name);
      assert.deepEqual(post.parameters, [{ $ref: '#/components/parameters/idempotencyKey' }]);
      for (const [content, desc] of [[post.requestBody.content, method.request], [post.responses[200].content, method.response]]) {
        assert.deepEqual(Object.keys(content), ['application/json', 'application/x-protobuf']);
        assert.equal(content['application/json'].schema.$ref, `#/components/schemas/${desc.name}`);
        assert.deepEqual(Object.keys(document.components.schemas[desc.name].properties), desc.fields.map((field: Json) => field.jsonName));
      }
      assert.equal(/admin: true/.test(post.description), method.who === 'admin');
    }
    assert.deepEqual(document.security, [{ bearer: [] }]);
  });

  test('has every status of the table of errors, with its codes', () => {
    const statuses = new Map<number, string[]>();
    for (const { http, name } of errors.values()) {
      if (http !== undefined && http !== 200) statuses.set(http, [...(statuses.get(http) ?? []), name]);
    }
    for (const operation of operations) {
      const documented = Object.keys(operation.responses).map(Number).filter((status) => status !== 200);
      assert.deepEqual(documented, [...statuses.keys()].sort((a, b) => a - b));
    }
    for (const [status, names] of statuses) {
      const response = document.components.responses[`Status${status}`];
      for (const name of names) assert.ok(response.description.includes(`\`${name}\``), `${status}: ${name}`);
      assert.equal(response.content['application/json'].schema.$ref, '#/components/schemas/Result');
    }
    assert.ok(document.components.responses.Status429.headers['Retry-After']);
  });

  test('its examples are valid by its schemas, and a wrong value is not', () => {
    const check = checker(new Ajv2020({ strict: false }) as unknown as Ajv, document);
    const contents = collect(document, 'application/json').filter((content) => 'example' in content);
    assert.ok(contents.length >= 2 * operations.length);
    for (const { schema, example } of contents) check(schema, example, schema.$ref);
    const read = { $ref: '#/components/schemas/ReadSetRequest' };
    for (const wrong of [{ seq: '-1' }, { seq: true }, { place: '1' }, { conversation: 5 }]) {
      assert.throws(() => check(read, wrong, 'wrong'), /wrong/);
    }
  });

  test('says the limits that the table has', () => {
    const { schema } = document.components.parameters.idempotencyKey;
    assert.equal(schema.maxLength, limits.callIdBytes.value);
    const send = document.paths['/v1/messages.send'].post.description;
    assert.ok(send.includes(`messageBytes: ${limits.messageBytes.value}`));
  });
});

describe('asyncapi.json', () => {
  const document = load('asyncapi');
  const channels: Json[] = Object.values(document.channels);

  test('is accepted by the official schema, which refuses a broken one', () => {
    // The official schema brings the meta schema of JSON Schema along.
    const ajv = new Ajv({ strict: false, meta: false, validateSchema: false });
    (formats as unknown as (ajv: Ajv) => void)(ajv);
    const validate = ajv.compile<Json>(require('@asyncapi/specs/schemas/3.0.0.json'));
    assert.ok(validate(document), ajv.errorsText(validate.errors));
    const broken = structuredClone(document);
    broken.operations['send.to'].action = 'publish';
    assert.equal(validate(broken), false);
  });

  test('every reference leads somewhere', () => {
    for (const ref of collect(document, '$ref')) assert.ok(resolve(document, ref), ref);
  });

  test('has every topic, in both directions, with its parameters', () => {
    const { all, ...delivered } = deliveryTopics;
    const built = [...Object.values(publishTopics), ...Object.values(delivered)].map((build: Json) => build('a', 'b', 'c').split('/').map((level: string) => (/^[abc]$/.test(level) ? '*' : level)).join('/'));
    const documented = channels.map((channel) => channel.address.replaceAll(/\{\w+\}/g, '*'));
    assert.deepEqual(documented.sort(), built.sort());
    assert.ok(document.info.description.includes(all('<user>')));
    for (const channel of channels) {
      const names = [...channel.address.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      assert.deepEqual(Object.keys(channel.parameters), names);
    }
  });

  test('every channel is used by one operation, which names the messages of that channel alone', () => {
    const used = Object.values(document.operations).map((operation: Json) => operation.channel.$ref.replace('#/channels/', ''));
    assert.deepEqual(used.sort(), Object.keys(document.channels).sort());
    for (const operation of Object.values(document.operations) as Json[]) {
      for (const { $ref } of operation.messages) assert.ok($ref.startsWith(`${operation.channel.$ref}/messages/`), $ref);
    }
  });

  test('says the QoS and retain flag of the protocol', () => {
    const mqtt = (name: string): Json => document.operations[name].bindings.mqtt;
    const quick = ['send.startTyping', 'receive.result', 'receive.answer', 'receive.typing'];
    const retained = ['send.ownPresence', 'receive.presence'];
    for (const name of Object.keys(document.operations)) {
      assert.equal(mqtt(name).qos, quick.includes(name) ? 0 : 1, name);
      assert.equal(mqtt(name).retain, retained.includes(name), name);
    }
  });

  test('every server asks for the token', () => {
    for (const server of Object.values(document.servers) as Json[]) {
      assert.deepEqual(server.security, [{ $ref: '#/components/securitySchemes/token' }]);
    }
  });

  test('has every call, and its answer', () => {
    const { call, answer } = document.channels;
    for (const name of Object.keys(methods)) {
      assert.ok(call.messages[`${name}.params`] && answer.messages[`${name}.value`], name);
    }
    assert.deepEqual(document.components.parameters.method.enum, Object.keys(methods));
    assert.equal(document.operations['send.call'].reply.channel.$ref, '#/channels/answer');
  });

  test('its examples are valid by its schemas', () => {
    const check = checker(new Ajv({ strict: false }), document);
    let examples = 0;
    for (const [name, message] of Object.entries(document.components.messages) as [string, Json][]) {
      for (const example of message.examples ?? []) {
        check(message.payload, example.payload, `${name}: ${example.name}`);
        examples++;
      }
    }
    assert.ok(examples > 50);
  });
});
