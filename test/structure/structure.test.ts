import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Code, errors, limits } from 'godwit-schemas';
import { configVariables } from '../../broker/config.js';
import { withTables } from './readme-tables.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    // What other tests build comes and goes meanwhile.
    if (entry.isDirectory()) return entry.name === 'dist' || entry.name === 'node_modules' ? [] : sources(path);
    return /\.(ts|tsx)$/.test(path) ? [path] : [];
  });
}

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const all = ['schemas', 'broker', 'plugins', 'client-sdk', 'test'].flatMap(sources);
const generated = (file: string): boolean => file.includes('/gen/');

/** What a file imports: packages by name, own files as paths from the root. */
function imports(file: string): string[] {
  const found = [...read(file).matchAll(/(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\('([^']+)'\)|^import\s+'([^']+)'/g)];
  return found
    .map((match) => match[1] ?? match[2] ?? match[3])
    .map((name) => (name.startsWith('.') ? relative(root, resolve(root, dirname(file), name)) : name));
}

function breaches(files: string[], allowed: (imported: string, file: string) => boolean): string[] {
  return files.flatMap((file) => imports(file).filter((imported) => !allowed(imported, file)).map((imported) => `${file} imports ${imported}`));
}

const ours = /^(schemas|broker|plugins|client-sdk|test)\/|^godwit(-|$)/;

describe('imports run one way', () => {
  test('schemas imports nothing of ours', () => {
    assert.deepEqual(breaches(sources('schemas'), (name) => !ours.test(name) || name.startsWith('schemas/')), []);
  });
  test('broker imports schemas; only the composition root imports plugins, only the command line the SDK', () => {
    const allowed = (name: string, file: string): boolean =>
      !ours.test(name) ||
      name.startsWith('broker/') ||
      name === 'godwit-schemas' ||
      (name.startsWith('plugins/') && (file === 'broker/compose.ts' || file.startsWith('broker/cli/'))) ||
      (name.startsWith('godwit-client') && file.startsWith('broker/cli/'));
    assert.deepEqual(breaches(sources('broker'), allowed), []);
  });
  test('plugins import ports and schemas, never one another', () => {
    const allowed = (name: string, file: string): boolean =>
      !ours.test(name) || name.startsWith('broker/ports/') || name === 'godwit-schemas' || name.startsWith(file.split('/').slice(0, 2).join('/') + '/');
    assert.deepEqual(breaches(sources('plugins'), allowed), []);
  });
  test('client-sdk imports schemas only', () => {
    assert.deepEqual(breaches(sources('client-sdk'), (name) => !ours.test(name) || name.startsWith('client-sdk/') || name === 'godwit-schemas'), []);
  });
  test('ports hold interfaces and the little that goes with them: no dependency but types', () => {
    const files = sources('broker/ports');
    const values = files.flatMap((file) => [...read(file).matchAll(/^import (?!type)[^;]*from '([^']+)'/gm)].map((match) => `${file} imports ${match[1]}`));
    assert.deepEqual(values.filter((line) => !line.endsWith('godwit-schemas') && !/ports\/|'\.\//.test(line) && !line.includes(' imports ./')), []);
  });
  test('the environment is read in one place', () => {
    const files = ['broker', 'plugins'].flatMap(sources).filter((file) => !file.startsWith('broker/config') && !file.startsWith('broker/cli/'));
    assert.deepEqual(files.filter((file) => /process\.env/.test(read(file))), []);
  });
});

test('no file is longer than 400 lines', () => {
  const long = all.filter((file) => !generated(file)).filter((file) => read(file).split('\n').length > 401);
  assert.deepEqual(long, []);
});

test('nothing is left for later', () => {
  const marks = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].map((mark) => `\\b${mark}\\b`).join('|'));
  assert.deepEqual(all.filter((file) => !generated(file) && marks.test(read(file))), []);
});

test('topics are built and parsed in one module', () => {
  const elsewhere = ['broker', 'plugins', 'client-sdk'].flatMap(sources).filter((file) => /[`'](u|to|read|typing|rpc|presence|group)\/\$\{/.test(read(file)));
  assert.deepEqual(elsewhere, []);
});

describe('the tables', () => {
  const tests = sources('test').filter((file) => file.endsWith('.ts') && !file.startsWith('test/structure/')).map(read).join('\n');
  test('every error code has a test', () => {
    const untested = [...errors.keys()].filter((code) => code !== Code.OK).map((code) => Code[code]).filter((name) => !new RegExp(`Code\\.${name}\\b|'${name}'`).test(tests));
    assert.deepEqual(untested, []);
  });
  test('every limit has a test', () => {
    assert.deepEqual(Object.keys(limits).filter((name) => !new RegExp(`\\b${name}\\b`).test(tests)), []);
  });
});

describe('the README', () => {
  const readme = read('README.md');
  test('has the tables of variables, limits, codes and methods as they are in the code (npm run readme)', () => {
    for (const name of ['variables', 'limits', 'codes', 'methods']) assert.ok(readme.includes(`<!-- table: ${name} -->`), name);
    assert.equal(readme, withTables(readme));
  });
  test('names no variable that does not exist', () => {
    const known = new Set<string>(configVariables.map((variable) => variable.name));
    assert.deepEqual([...new Set(readme.match(/\bGODWIT_[A-Z_]*[A-Z]\b/g) ?? [])].filter((name) => !known.has(name)), []);
  });
  test('names only scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const [, name] of readme.matchAll(/npm run ([a-z:-]+)/g)) assert.ok(scripts[name], `npm run ${name}`);
  });
  test('shows only commands that the command line has', () => {
    const commands = new Set([...read('broker/cli/main.ts').matchAll(/[./](\w+)\.js'/g)].map((match) => match[1]));
    for (const [, name] of readme.matchAll(/npx godwit ([a-z]+)/g)) assert.ok(commands.has(name), `godwit ${name}`);
  });
});
