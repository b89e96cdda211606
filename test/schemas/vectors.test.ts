import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createRegistry, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import * as schemas from 'godwit-schemas';
import { afterSize, deviceBody, Envelope, fromBinary, fromJson, methods, previewOf, readEnvelope, splitAux, stampPrefix, stampSize, toBinary, toJson, ulidToString, writeAfter, writeStamp } from 'godwit-schemas';
import { concat } from './random-message.js';
import { loadVector, loadVectors, vectorFiles, type Vector } from './vectors.js';

const folder = fileURLToPath(new URL('../../../schemas/', import.meta.url));
const registry = createRegistry(schemas.file_godwit_v1_message, schemas.file_godwit_v1_control, schemas.file_godwit_v1_history, schemas.file_godwit_v1_people, schemas.file_godwit_v1_content, schemas.file_godwit_v1_code);
const all: { file: string; vector: Vector }[] = vectorFiles.flatMap((file) => loadVectors(file).map((vector) => ({ file, vector })));

function schemaOf(vector: Vector): DescMessage {
  const schema = registry.getMessage(vector.type);
  assert.ok(schema, vector.type);
  return schema;
}

describe('golden vectors', () => {
  test('all files are loaded, names are unique in each', () => {
    const files = readdirSync(join(folder, 'vectors')).map((name) => name.replace('.json', ''));
    assert.deepEqual(files.sort(), [...vectorFiles].sort());
    for (const file of vectorFiles) {
      const names = loadVectors(file).map((vector) => vector.name);
      assert.equal(new Set(names).size, names.length, file);
    }
    assert.throws(() => loadVector('read', 'nonesuch'), /no vector/);
  });

  for (const { file, vector } of all) {
    test(`${file}: ${vector.name}: generated code reads the bytes and the JSON alike, and writes them again`, () => {
      const schema = schemaOf(vector);
      // A plain Uint8Array: what is read from a Buffer is a Buffer, which is not equal to one.
      const message = fromBinary(schema, new Uint8Array(vector.bytes));
      assert.deepEqual(toJson(schema, message), vector.json);
      assert.deepEqual(fromJson(schema, vector.json), message);
      // An explicit `after` of 0 is the server's, generated code leaves it out.
      const written = vector.name === 'first delivery of a conversation, after its start' ? concat([toBinary(schema, message), [0x80, 0x01, 0]]) : toBinary(schema, message);
      assert.deepEqual(Buffer.from(written), vector.bytes);
    });
  }

  test('every call has its request and its response', () => {
    for (const [name, method] of Object.entries(methods)) {
      assert.equal(loadVector('control', `${name} request`).type, method.request.typeName);
      assert.equal(loadVector('control', `${name} response`).type, method.response.typeName);
    }
  });

  test('bytes put together by hand', () => {
    const message = loadVector('message', 'plain text').bytes.toString('hex');
    assert.equal(message, '0a10' + '01a2038afe0ed66e0c3743b8bab8dc7f' + '120b' + '1a09' + '0a07' + '0a05' + Buffer.from('hello').toString('hex'));
    const result = loadVector('result', 'refused, again after a time').bytes.toString('hex');
    assert.equal(result, '0a10' + '01a2038afe0ed66e0c3743b8bab8dc7f' + '200c' + '2a15' + Buffer.from('too much in this time').toString('hex') + '30dc0b');
    assert.equal(loadVector('read', 'up to 7').bytes.toString('hex'), '0807');
    const typing = '0a0b' + Buffer.from('d:alice:bob').toString('hex') + '1205' + Buffer.from('alice').toString('hex');
    assert.equal(loadVector('typing', 'one-to-one').bytes.toString('hex'), typing);
  });

  test('a second implementation of protobuf (buf, in Go) reads the same', () => {
    const temporary = mkdtempSync(join(tmpdir(), 'godwit-vectors-'));
    try {
      cpSync(join(folder, 'proto'), temporary, { recursive: true });
      // One message that holds all vectors, so that one run reads them all.
      const imports = readdirSync(join(folder, 'proto/godwit/v1')).map((name) => `import "godwit/v1/${name}";`);
      const fields = all.map(({ vector }, i) => `${vector.type} v${i + 1} = ${i + 1};`);
      mkdirSync(join(temporary, 'all'));
      writeFileSync(join(temporary, 'all/all.proto'), ['syntax = "proto3";', 'package all;', ...imports, 'message All {', ...fields, '}'].join('\n'));
      writeFileSync(join(temporary, 'all.binpb'), concat(all.flatMap(({ vector }, i) => [varint(((i + 1) << 3) | 2), varint(vector.bytes.length), vector.bytes])));
      const buf = join(createRequire(import.meta.url).resolve('@bufbuild/buf/package.json'), '../bin/buf');
      const text = execFileSync(process.execPath, [buf, 'convert', temporary, '--type', 'all.All', '--from', join(temporary, 'all.binpb'), '--to', '-#format=json'], { encoding: 'utf8' });
      const read = JSON.parse(text) as Record<string, JsonValue>;
      all.forEach(({ file, vector }, i) => assert.deepEqual(read[`v${i + 1}`], vector.json, `${file}: ${vector.name}`));
    } finally {
      rmSync(temporary, { recursive: true });
    }
  });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}

describe('the code of the hot path on the golden vectors', () => {
  for (const vector of loadVectors('message')) {
    test(`readEnvelope: ${vector.name}`, () => {
      const envelope = new Envelope();
      assert.ok(readEnvelope(vector.bytes, 0, vector.bytes.length, envelope), envelope.error);
      const message = fromBinary(schemas.MessageSchema, vector.bytes);
      assert.equal(ulidToString(vector.bytes.subarray(envelope.idStart, envelope.idStart + 16)), '01M81RNZGETSQ0RDT3Q2XBHQ3Z');
      assert.deepEqual(vector.bytes.subarray(Math.max(0, envelope.bodyStart), Math.max(0, envelope.bodyEnd)), Buffer.from(message.body));
      assert.deepEqual([envelope.expiresInS, envelope.flags, BigInt(envelope.epoch), envelope.devicesRevision], [message.expiresInS, message.flags, message.epoch, message.devicesRevision]);
    });
  }

  test('splitAux, deviceBody and previewOf: with preview and device bodies', () => {
    const { bytes } = loadVector('message', 'with preview and device bodies');
    const { kept, aux } = splitAux(bytes, 0, bytes.length);
    assert.equal(Buffer.from(kept).toString('hex'), '0a1001a2038afe0ed66e0c3743b8bab8dc7f4009');
    assert.equal(aux.length, bytes.length - kept.length);
    assert.deepEqual(deviceBody(aux, 'bob:tablet'), Uint8Array.of(4, 5, 6, 7));
    assert.deepEqual(Buffer.from(previewOf(aux)!), Buffer.from('sealed preview'));
  });

  for (const vector of loadVectors('stamp')) {
    test(`stamp: ${vector.name}`, () => {
      const prefix = stampPrefix(vector.from, vector.fromDevice, vector.conversation);
      const target = new Uint8Array(vector.sender.length + stampSize(prefix) + afterSize);
      target.set(vector.sender);
      let end = writeStamp(target, vector.sender.length, prefix, vector.seq, vector.sentAtMs);
      if (vector.after !== undefined) end = writeAfter(target, end, vector.after);
      assert.deepEqual(Buffer.from(target.subarray(0, end)), vector.bytes);
    });
  }
});
