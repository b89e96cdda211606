import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../broker/config.js';
import { startGodwit } from '../support/godwit.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const pages = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md') && !name.includes('node_modules')).map((name) => `${folder}/${name}`);
const documents = ['README.md', 'schemas/README.md', ...pages('docs'), ...pages('examples')];

/** Every text that a pattern's first group finds in a document, once. */
const found = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map((match) => match[1]))];

function sources(folder: string): string {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.map((file) => read(join(folder, file))).join('\n');
}

/** Of this version, or of a later one, which is refused in other words. */
function isVariable(name: string): boolean {
  try {
    readConfig({ [name]: 'x' });
    return true;
  } catch (error) {
    return !/is no variable of Godwit/.test((error as Error).message);
  }
}

describe('what the documents name exists:', () => {
  test('files that they link to', () => {
    for (const document of documents) {
      for (const link of found(read(document), /\]\(([^)#\s]+)\)/g)) {
        if (!link.startsWith('http')) assert.ok(existsSync(join(root, dirname(document), link)), `${document}: ${link}`);
      }
    }
  });

  test('files and folders that they name', () => {
    const path = /`((?:schemas|broker|plugins|client-sdk|test|docs|examples)\/[\w./-]*)`/g;
    for (const document of documents) {
      for (const name of found(read(document), path)) assert.ok(existsSync(join(root, name)), `${document}: ${name}`);
    }
  });

  test('variables', () => {
    for (const document of documents) {
      for (const name of found(read(document), /\b(GODWIT_[A-Z_]+[A-Z])\b/g)) assert.ok(isVariable(name), `${document}: ${name}`);
    }
  });

  test('commands', () => {
    const commands = new Set([...found(read('broker/cli/main.ts'), /[./](\w+)\.js'/g), 'user']);
    for (const document of documents) {
      for (const name of found(read(document), /(?:npx |`)godwit ([a-z]+)/g)) assert.ok(commands.has(name), `${document}: godwit ${name}`);
    }
  });

  test('metrics', async (t) => {
    const server = await startGodwit(t);
    const metrics = await (await fetch(`http://127.0.0.1:${server.httpPort}/metrics`)).text();
    const names = found(read('docs/operations.md'), /\b(godwit_[a-z_]+)\b/g);
    assert.ok(names.length > 10);
    for (const name of names) assert.ok(metrics.includes(`# TYPE ${name} `), name);
  });

  test('lines of the log', () => {
    const code = sources('broker') + sources('plugins');
    const rows = found(read('docs/operations.md'), /^\| [3-6]0 \| ([^|]+) \|/gm);
    const lines = rows.flatMap((row) => found(row.split(', with')[0], /`([^`]+)`/g)).flatMap((line) => line.split('…').map((part) => part.trim()));
    assert.ok(lines.length > 8);
    for (const line of lines) assert.ok(code.includes(line.replace('60 s', '${limits.windowStallMs.value / 1000} s')), line);
  });
});
