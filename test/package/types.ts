import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, tool } from './project.js';

/** Stricter than our own settings: an app's may be. */
const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false, noEmit: true, target: 'es2022', lib: ['es2022', 'dom'] };

/** The two ways in which the compiler finds packages today. */
export const resolutions = [
  { module: 'esnext', moduleResolution: 'bundler' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
] as const;

/** What the compiler says of a file of the project; empty: nothing. */
export async function typeErrors(folder: string, file: string, options: object): Promise<string> {
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...strict, ...options }, files: [file] }));
  const { code, stdout, stderr } = await run(process.execPath, [tool('typescript', 'bin/tsc')], folder);
  return code === 0 ? '' : stdout + stderr || `exit code ${code}`;
}
