import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Scope } from '../support/folder.js';
import { serveSite } from '../support/site.js';

/** Serves an example with `entry` bundled as `main.js`, as its own `npm start` does. @returns its origin. */
export async function serveExample(t: Scope, name: string, entry: string): Promise<string> {
  const folder = fileURLToPath(new URL(`../../../examples/${name}/`, import.meta.url));
  const { outputFiles } = await build({ entryPoints: [join(folder, entry)], bundle: true, format: 'esm', jsx: 'automatic', write: false, logLevel: 'silent' });
  const file = (type: string, body: string | Uint8Array) => ({ headers: { 'content-type': `text/${type}` }, body });
  return serveSite(
    t,
    new Map([
      ['/', file('html', readFileSync(join(folder, 'index.html')))],
      ['/style.css', file('css', readFileSync(join(folder, 'style.css')))],
      ['/main.js', file('javascript', outputFiles[0].contents)],
    ]),
  );
}
