import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const sdk = fileURLToPath(new URL('../../../client-sdk/', import.meta.url));

/** Runs the SDK's own typedoc, in its folder. */
function typedoc(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('npx', ['--no-install', 'typedoc', ...args], { cwd: sdk, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

/** A file of this text beside the SDK's sources, compiled like them. */
function source(t: TestContext, text: string): string[] {
  const folder = mkdtempSync(join(sdk, 'dist/api-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'index.ts'), text);
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: { rootDir: '.' }, include: ['*.ts'], references: [] }));
  return ['--tsconfig', join(folder, 'tsconfig.json'), '--entryPoints', join(folder, 'index.ts'), '--readme', 'none'];
}

test('every export of the SDK is documented, and its links lead somewhere', { timeout: 120_000 }, () => {
  const { status, output } = typedoc('--emit', 'none');
  assert.equal(status, 0, output);
});

test('that would be noticed if it were not so', { timeout: 120_000 }, (t) => {
  const good = typedoc('--emit', 'none', ...source(t, '/** It is one. */\nexport const one = 1;\n'));
  assert.equal(good.status, 0, good.output);
  const bad = typedoc('--emit', 'none', ...source(t, 'export const one = 1;\n'));
  assert.notEqual(bad.status, 0);
  assert.match(bad.output, /one \(Variable\).*does not have any documentation/);
});

test('the reference reads all entries of the package', () => {
  const { entryPoints } = JSON.parse(readFileSync(join(sdk, 'typedoc.json'), 'utf8')) as { entryPoints: string[] };
  const { exports } = JSON.parse(readFileSync(join(sdk, 'package.json'), 'utf8')) as { exports: Record<string, string | { default: string | { default: string } }> };
  const entries = Object.values(exports).flatMap((entry) => {
    const { default: target } = typeof entry === 'string' ? { default: entry } : entry;
    return [typeof target === 'string' ? target : target.default].filter((file) => file.endsWith('.js'));
  });
  assert.deepEqual(entryPoints, entries.map((file) => file.replace('./dist/', 'src/').replace('.js', '.ts')));
});
