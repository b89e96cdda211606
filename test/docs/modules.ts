import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Scope } from '../support/folder.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const MODULE = /```js\n\/\/ ([\w-]+\.js)\n([\s\S]*?)```/g;

/** The JavaScript modules of a document, by the name in their first line. */
export function modulesOf(document: string): Map<string, string> {
  const text = readFileSync(join(root, document), 'utf8');
  return new Map([...text.matchAll(MODULE)].map(([, name, code]) => [name, code]));
}

/** Writes modules into a folder of their own, from where `godwit` and `godwit-schemas` are found, and makes it the current one. */
export function writeModules(t: Scope, modules: ReadonlyMap<string, string>): string {
  const folder = mkdtempSync(join(root, 'dist/test/docs/modules-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, code] of modules) writeFileSync(join(folder, name), code);
  process.chdir(folder);
  t.after(() => process.chdir(root));
  return folder;
}

/** What the compiler says of them; empty: nothing. */
export function typeErrors(folder: string, names: Iterable<string>): string {
  const require = createRequire(import.meta.url);
  const tsc = join(require.resolve('typescript/package.json'), '../bin/tsc');
  const settings = '--allowJs --checkJs --noEmit --strict --skipLibCheck --target es2023 --module nodenext --types node --ignoreConfig'.split(' ');
  try {
    execFileSync(process.execPath, [tsc, ...settings, ...names], { cwd: folder, stdio: 'pipe' });
    return '';
  } catch (error) {
    return String((error as { stdout: Buffer }).stdout);
  }
}
