import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const home = fileURLToPath(new URL('../../../schemas/', import.meta.url));
const generated = ['src/gen', 'vectors', 'asyncapi.json', 'openapi.json'];

/** Every file at or under a path, by its name relative to `root`, with its text. */
function filesOf(root: string, path: string): [string, string][] {
  const full = join(root, path);
  if (statSync(full).isFile()) return [[relative(root, full), readFileSync(full, 'utf8')]];
  return readdirSync(full).flatMap((name) => filesOf(root, join(path, name)));
}

test('what is committed is what `npm run generate` makes', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'godwit-generate-'));
  try {
    execFileSync(process.execPath, [join(home, 'scripts/generate.mjs'), '--out', temporary]);
    const fresh = new Map(generated.flatMap((path) => filesOf(temporary, path)));
    const committed = new Map(generated.flatMap((path) => filesOf(home, path)));
    assert.deepEqual([...committed.keys()].sort(), [...fresh.keys()].sort(), 'files that are generated');
    const stale = [...fresh].filter(([name, text]) => committed.get(name) !== text).map(([name]) => name);
    assert.deepEqual(stale, [], 'stale: run `npm run generate`');
  } finally {
    rmSync(temporary, { recursive: true });
  }
});
