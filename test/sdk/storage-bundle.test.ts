import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleForBrowsers, gzipBytes } from '../package/bundle.js';

/** Words that are in the bundle of whoever uses it. */
const marks = { indexedDbStore: 'IDBKeyRange', keyValueStore: 'multiRemove' };

test('an app ships the stores that it uses, and no others', async (t) => {
  const sizes = new Map<string, number>();
  for (const used of [[], ['indexedDbStore'], ['keyValueStore']]) {
    const names = ['createClient', ...used];
    const { code } = await bundleForBrowsers(`export { ${names.join(', ')} } from 'godwit-client';`);
    assert.deepEqual(Object.entries(marks).filter(([, mark]) => code.includes(mark)).map(([name]) => name), used);
    sizes.set(names.join(' + '), gzipBytes(code));
  }
  t.diagnostic([...sizes].map(([what, bytes]) => `${what}: ${bytes} bytes with gzip`).join('; '));
});
