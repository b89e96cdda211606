// Makes everything in this package that is generated: TypeScript from proto/, asyncapi.json, openapi.json, vectors/.
//   npm run generate --workspace schemas [-- --out <folder>]
// With --out it is written there and not into the package. Works offline; the same input gives the same bytes.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { slim } from './slim.mjs';

const home = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({ options: { out: { type: 'string' } } });
const out = values.out === undefined ? home : resolve(values.out);

const require = createRequire(import.meta.url);
const tool = (name, file) => join(require.resolve(`${name}/package.json`), '..', file);
const buf = tool('@bufbuild/buf', 'bin/buf');
const run = (file, args, env = process.env) => execFileSync(process.execPath, [file, ...args], { cwd: home, env, maxBuffer: 2 ** 26 });

// buf looks for its plugin protoc-gen-es in PATH.
const bins = join(require.resolve('@bufbuild/buf/package.json'), '../../../.bin');
run(buf, ['generate', '--output', out], { ...process.env, PATH: bins + delimiter + process.env.PATH });
// Documents and vectors are made by the compiled package itself: in place it must match what was just generated.
if (out === home) run(tool('typescript', 'bin/tsc'), ['-b']);

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, run(buf, ['build', '--as-file-descriptor-set', '--output', '-'])));
// The compiled package has the methods; what is made of them is compiled once more.
const { methods } = await import('../dist/methods.js');
writeFileSync(join(out, 'src/gen/slim.ts'), slim(registry, methods));
if (out === home) run(tool('typescript', 'bin/tsc'), ['-b']);

const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));
const { openApi } = await import('../dist/documents/openapi.js');
const { asyncApi } = await import('../dist/documents/asyncapi.js');
const { vectors } = await import('../dist/documents/vectors.js');

const write = (file, content) => writeFileSync(join(out, file), `${JSON.stringify(content, null, 2)}\n`);
write('openapi.json', openApi(registry, version));
write('asyncapi.json', asyncApi(registry, version));
mkdirSync(join(out, 'vectors'), { recursive: true });
const golden = vectors();
for (const file of readdirSync(join(out, 'vectors'))) {
  if (!golden.has(file.replace(/\.json$/, ''))) rmSync(join(out, 'vectors', file));
}
for (const [name, content] of golden) write(`vectors/${name}.json`, content);
