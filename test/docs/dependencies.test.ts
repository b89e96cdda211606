import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const json = (path: string): Record<string, unknown> => JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<string, unknown>;

/** Package and license by table of docs/dependencies.md, in the order of its headings. */
function tables(): [string, string][][] {
  const [, ...sections] = readFileSync(join(root, 'docs/dependencies.md'), 'utf8').split('\n## ');
  return sections.map((section) => [...section.matchAll(/^\| `([^`]+)` \| ([^|]+) \| [^|]+ \|$/gm)].map(([, name, license]) => [name, license]));
}

const named = (file: string, kind: string): string[] => Object.keys((json(file)[kind] ?? {}) as object).sort();
/** Where a package is installed: one that only the SDK's tools need may be beside the SDK. */
const folderOf = (name: string): string => ['node_modules', 'client-sdk/node_modules'].map((folder) => `${folder}/${name}`).find((folder) => existsSync(join(root, folder)))!;
const licenseOf = (name: string): string => String(json(`${folderOf(name)}/package.json`).license).replace(/^\((.*)\)$/, '$1');

test('docs/dependencies.md names every dependency of every package, with its license, and nothing else', () => {
  const [server, schemas, sdk, development] = tables();
  assert.deepEqual(server.map(([name]) => name), named('package.json', 'dependencies'));
  assert.deepEqual(schemas.map(([name]) => name), named('schemas/package.json', 'dependencies'));
  assert.deepEqual(sdk.map(([name]) => name), named('client-sdk/package.json', 'dependencies'));
  const all = ['package.json', 'schemas/package.json', 'client-sdk/package.json'].flatMap((file) => named(file, 'devDependencies'));
  assert.deepEqual(development.map(([name]) => name), [...new Set(all)].sort());
  for (const [name, license] of tables().flat()) assert.equal(license, licenseOf(name), name);
});
