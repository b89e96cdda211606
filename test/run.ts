import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Runs the tests with Node's own runner and closes with one line: `N passed, N failed`, and how many were skipped.
 * Arguments are parts of file names: `npm test -- conformance wire` runs what contains one of them; `--fast` leaves
 * out what takes long (chaos, benchmark, command line, packages).
 */
const here = fileURLToPath(new URL('.', import.meta.url));
const arguments_ = process.argv.slice(2);
const fast = arguments_.includes('--fast');
const wanted = arguments_.filter((argument) => !argument.startsWith('--'));
const SLOW = ['chaos', 'bench', 'cli', 'crash', 'package/pack'];

const files = readdirSync(here, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .filter((file) => !fast || !SLOW.some((part) => file.includes(part)))
  .sort()
  .map((file) => relative(process.cwd(), join(here, file)));

if (files.length === 0) {
  console.error(`no test file contains ${wanted.join(' or ')}`);
  process.exit(2);
}

const runner = spawn(process.execPath, ['--enable-source-maps', '--test', '--test-reporter=spec', '--test-concurrency=2', ...files], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, ...(fast && { TEST_FAST: '1' }) },
});
let tail = '';
runner.stdout.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  tail = (tail + chunk.toString()).slice(-200_000);
});
runner.on('close', (code) => {
  const count = (name: string): number => Number(new RegExp(`^ℹ ${name} (\\d+)$`, 'm').exec(tail.replace(/\u001b\[\d+m/g, ''))?.[1] ?? 0);
  const failed = count('fail') + count('cancelled');
  const skipped = count('skipped');
  const forbidden = skipped > 0 && process.env.TEST_FORBID_SKIPS === '1';
  if (forbidden) console.log(`${skipped} skipped, and skips are forbidden here`);
  console.log(`${count('pass')} passed, ${failed + (forbidden ? skipped : 0)} failed${skipped > 0 && !forbidden ? `, ${skipped} skipped` : ''}`);
  process.exit(code !== 0 || failed > 0 || forbidden ? 1 : 0);
});
