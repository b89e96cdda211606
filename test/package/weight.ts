import { browserEntries, bundleForBrowsers, gzipBytes, type Bundle } from './bundle.js';

/** Bytes of minified code, and of that alone when it is compressed (gzip, level 9). */
export interface Weight {
  readonly minified: number;
  readonly gzip: number;
}

export const parts = ['transport', 'protobuf runtime', 'schemas', 'storage', 'shared tabs', 'rest'] as const;
export type Part = (typeof parts)[number];

export interface Weights {
  readonly parts: ReadonlyMap<Part, Weight>;
  /** Everything in one file: smaller than the parts compressed one by one. */
  readonly whole: Weight;
  /** An app's bundle with nothing but the slim transport. */
  readonly transportAlone: Weight;
  /** What an app's bundle has more with search. */
  readonly search: Weight;
}

/** What the SDK weighs in a browser that takes all that it exports. */
export async function weigh(): Promise<Weights> {
  const everything = browserEntries().map((entry, i) => `export * as entry${i} from '${entry}';`).join('\n');
  const bundle = await bundleForBrowsers(everything);
  const alone = await bundleForBrowsers("export { webSocketTransport } from 'godwit-client';");
  const searching = await bundleForBrowsers(`${everything}\nexport * from 'godwit-client/search';`);
  const texts = textByPart(bundle);
  const [whole, withSearch] = [weight(bundle.code), weight(searching.code)];
  return {
    parts: new Map(parts.map((part) => [part, weight(texts.get(part) ?? '')])),
    whole,
    transportAlone: weight(alone.code),
    search: { minified: withSearch.minified - whole.minified, gzip: withSearch.gzip - whole.gzip },
  };
}

function weight(code: string): Weight {
  return { minified: Buffer.byteLength(code), gzip: gzipBytes(code) };
}

/** Which source every character comes from is in the source map: metafiles tell sizes, but not what compresses to what. */
function textByPart({ code, map }: Bundle): Map<Part, string> {
  const texts = new Map<Part, string>();
  for (const [line, text] of code.split('\n').entries()) {
    for (let column = 0; column < text.length; column++) {
      const found = map.findEntry(line, column);
      const part = partOf('originalSource' in found ? found.originalSource : '');
      texts.set(part, (texts.get(part) ?? '') + text[column]);
    }
  }
  return texts;
}

function partOf(source: string): Part {
  if (/(^|\/)@bufbuild\/protobuf\//.test(source)) return 'protobuf runtime';
  if (/(^|\/)schemas\//.test(source)) return 'schemas';
  if (/(^|\/)tabs\//.test(source)) return 'shared tabs';
  const [file] = /[^/]*$/.exec(source)!;
  if (/transport|^mqtt-frames/.test(file)) return 'transport';
  if (/store|^(records|transaction|write-queue|places|stored-message)\b/.test(file) || /\/node_modules\/idb\//.test(source)) return 'storage';
  return 'rest';
}
