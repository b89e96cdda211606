import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../../../schemas/src/', import.meta.url));

test('the package runs in a browser: it imports the protobuf runtime and nothing else, and names nothing of Node', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  assert.ok(files.length > 15);
  for (const file of files) {
    const text = readFileSync(join(source, file), 'utf8');
    for (const [, from] of text.matchAll(/^(?:import|export)\b[^;]*?\bfrom ["']([^"']+)["']/gm)) {
      assert.ok(from.startsWith('.') || /^@bufbuild\/protobuf(\/|$)/.test(from), `${file} imports ${from}`);
    }
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    assert.doesNotMatch(code, /\b(Buffer|process|require|setImmediate)\b\s*[.(]/, file);
  }
});
