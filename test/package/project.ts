import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { temporaryFolder, type Scope } from '../support/folder.js';
import { root } from './bundle.js';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, whatever its exit code is. */
export function run(program: string, args: readonly string[], folder: string): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: folder, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ code: error ? (typeof error.code === 'number' ? error.code : null) : 0, stdout, stderr: stderr || (error?.message ?? '') });
    });
  });
}

/** The script of a tool in the root's node_modules, which the project itself does not have. */
export function tool(name: string, script: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), script);
}

/** What `npm pack` tells of a package that it made. */
export interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** An empty project in which the packages are installed as an app installs them. */
export interface Project {
  readonly folder: string;
  readonly packed: readonly Packed[];
  /** Why they could not be installed, where that is not their fault. */
  readonly skip: string | undefined;
}

/** What npm says when it reaches no registry. */
const noNetwork = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b/;

/** @throws Error when npm fails by itself */
export async function installPackages(scope: Scope): Promise<Project> {
  const folder = await temporaryFolder(scope);
  const app = join(folder, 'app');
  await mkdir(app);
  const packed = await run('npm', ['pack', './schemas', './client-sdk', '--json', '--ignore-scripts', '--pack-destination', folder], root);
  if (packed.code !== 0) throw new Error(`npm pack: ${packed.stderr}`);
  const packages = JSON.parse(packed.stdout) as Packed[];
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  const tarballs = packages.map(({ filename }) => join(folder, filename));
  const installed = await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], app);
  if (installed.code !== 0 && !noNetwork.test(installed.stderr)) throw new Error(`npm install: ${installed.stderr}`);
  return { folder: app, packed: packages, skip: installed.code === 0 ? undefined : 'no network: npm reaches no registry for the dependencies of the packages' };
}
