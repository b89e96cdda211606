import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { browserEntries, bundleForBrowsers, filesIn, gzipBytes } from './bundle.js';
import { parts, weigh, type Weights } from './weight.js';

describe('what the SDK weighs in a browser', () => {
  let weights: Weights;
  before(async () => {
    weights = await weigh();
  });

  test('everything together: at most 48 kB', (t) => {
    t.diagnostic(`${weights.whole.gzip} bytes (gzip)`);
    assert.ok(weights.whole.gzip <= 48_000, `${weights.whole.gzip} bytes`);
  });

  test('the slim transport alone: at most 6 kB', (t) => {
    t.diagnostic(`${weights.transportAlone.gzip} bytes (gzip)`);
    assert.ok(weights.transportAlone.gzip <= 6_000, `${weights.transportAlone.gzip} bytes`);
  });

  test('search is apart: at most 10 kB more, for who imports it, and the library is in no other bundle', async (t) => {
    t.diagnostic(`${weights.search.gzip} bytes (gzip)`);
    assert.ok(weights.search.gzip > 1_000 && weights.search.gzip <= 10_000, `${weights.search.gzip} bytes`);
    const files = filesIn(await bundleForBrowsers(browserEntries().map((entry, i) => `export * as entry${i} from '${entry}';`).join('\n')));
    assert.deepEqual(files.filter((file) => /minisearch|dist\/search\//.test(file)), []);
  });

  test('the parts are the whole: all of its code belongs to one of them, and each of them has some', () => {
    const sizes = parts.map((part) => weights.parts.get(part)!.minified);
    assert.ok(sizes.every((size) => size > 1_000), sizes.join());
    // What is between lines, and letters of more than one byte.
    assert.ok(Math.abs(sizes.reduce((sum, size) => sum + size, 0) - weights.whole.minified) < 100);
  });
});

describe('an import of one name brings that and little else', () => {
  /** What the bundle of an app with this import may have of the packages, and gzip bytes at most. */
  const imports = [
    ['Code', /schemas\/dist\/gen\/godwit\/v1\/code_pb\.js$/, 600],
    ['memoryStore', /client-sdk\/dist\/memory-store\.js$/, 700],
    ['plainCipher', /client-sdk\/dist\/cipher\.js$/, 300],
    ['liveConversations', /client-sdk\/dist\/live(-conversations)?\.js$/, 1_200],
    ['webSocketTransport', /client-sdk\/dist\/(websocket-transport|mqtt-frames|wait|transport)\.js$/, 6_000],
  ] as const;

  for (const [name, allowed, most] of imports) {
    test(name, async () => {
      const bundle = await bundleForBrowsers(`import { ${name} } from 'godwit-client'; globalThis.kept = ${name};`);
      assert.deepEqual(filesIn(bundle).filter((file) => file !== 'app.js' && !allowed.test(file)), []);
      assert.ok(gzipBytes(bundle.code) <= most, `${gzipBytes(bundle.code)} bytes`);
    });
  }

  test('an import of nothing brings nothing', async () => {
    const bundle = await bundleForBrowsers("import {} from 'godwit-client';");
    assert.deepEqual(filesIn(bundle), []);
    assert.equal(bundle.code, '');
  });
});
