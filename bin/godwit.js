#!/usr/bin/env node
// A file of its own, executable in the repository: what the compiler writes is not, and `npx godwit` then fails after a fresh build.
import { existsSync } from 'node:fs';

const main = new URL('../dist/broker/cli/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('godwit: it is not built yet: run `npm ci`, or `npm run build`\n');
  process.exitCode = 1;
}
