import { SourceMap } from 'node:module';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Message, type Metafile } from 'esbuild';

export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What esbuild makes for browsers: one minified file. */
export interface Bundle {
  readonly code: string;
  readonly metafile: Metafile;
  readonly warnings: readonly Message[];
  readonly map: SourceMap;
}

/** @param script a module's text, which imports by the names that an app would. @param from the folder that packages are found from */
export async function bundleForBrowsers(script: string, from = root): Promise<Bundle> {
  const { outputFiles, metafile, warnings } = await build({
    stdin: { contents: script, resolveDir: from, sourcefile: 'app.js' },
    absWorkingDir: from,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    metafile: true,
    sourcemap: 'external',
    outfile: 'bundle.js',
    write: false,
    logLevel: 'silent',
  });
  const text = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))!.text;
  return { code: text('.js'), metafile, warnings, map: new SourceMap(JSON.parse(text('.js.map'))) };
}

export function gzipBytes(text: string): number {
  return gzipSync(text, { level: 9 }).length;
}

/** The files whose code is in the bundle, by the paths of the metafile. */
export function filesIn({ metafile }: Bundle): string[] {
  const [output] = Object.values(metafile.outputs).filter(({ entryPoint }) => entryPoint !== undefined);
  return Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []));
}

/** The names by which a browser's app may import the SDK: all of its entries but those that are for Node, React Native, mqtt.js and search. */
export function browserEntries(): string[] {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'client-sdk/package.json'), 'utf8')) as { name: string; exports: Record<string, unknown> };
  return Object.keys(exports).flatMap((entry) => (['./node', './mqtt', './react-native', './search', './package.json'].includes(entry) ? [] : [name + entry.slice(1)]));
}
