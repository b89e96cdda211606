import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../../client-sdk/src/', import.meta.url));
const core = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.startsWith('node/'));

test('the core of the SDK uses nothing that only Node has', () => {
  const only = /from 'node:|require\(|\bprocess\.|\bBuffer\.\w|\bsetImmediate\(/;
  assert.deepEqual(core.filter((file) => only.test(readFileSync(join(src, file), 'utf8'))), []);
});

test('it reads no URL: what React Native calls so throws at most of its properties', () => {
  assert.deepEqual(core.filter((file) => /\bnew URL\(/.test(readFileSync(join(src, file), 'utf8'))), []);
});

test('it prints nothing', () => {
  assert.deepEqual(core.filter((file) => /\bconsole\./.test(readFileSync(join(src, file), 'utf8'))), []);
});

test('only the transport knows mqtt.js', () => {
  assert.deepEqual(core.filter((file) => /from 'mqtt'/.test(readFileSync(join(src, file), 'utf8'))), ['mqtt-transport.ts']);
});
