import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bundle } from './browser.js';

/** Words that are in the bundle of whoever uses it. */
const marks = { indexedDbStore: 'IDBKeyRange', keyValueStore: 'multiRemove' };

test('an app ships the stores that it uses, and no others', async (t) => {
  const sizes = new Map<string, number>();
  for (const used of [[], ['indexedDbStore'], ['keyValueStore']]) {
    const names = ['createClient', ...used];
    const bytes = await bundle(`export { ${names.join(', ')} } from 'godwit-client';`);
    const text = Buffer.from(bytes).toString();
    assert.deepEqual(Object.entries(marks).filter(([, mark]) => text.includes(mark)).map(([name]) => name), used);
    sizes.set(names.join(' + '), gzipSync(bytes).length);
  }
  t.diagnostic([...sizes].map(([what, bytes]) => `${what}: ${bytes} bytes with gzip`).join('; '));
});
