import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { annotate } from './annotate.js';
import { recordExchange } from './exchange.js';

/** docs/protocol.md shows the bytes of an exchange: `node dist/test/docs/protocol-doc.js` records and writes them anew. */
export const protocolPath = fileURLToPath(new URL('../../../docs/protocol.md', import.meta.url));

const PLACE = /<!-- bytes -->[\s\S]*?<!-- end -->/;
/** bob's CONNECT, CONNACK, SUBSCRIBE and SUBACK are as alice's. */
const BOBS_LOGIN = { from: 4, to: 8 };

/** The document with the bytes of an exchange that is recorded now. */
export async function withBytes(document: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'godwit-docs-'));
  try {
    const frames = await recordExchange(join(folder, 'data'));
    const shown = frames.filter((_frame, i) => i < BOBS_LOGIN.from || i >= BOBS_LOGIN.to);
    const text = shown.map(annotate).join('\n\n');
    return document.replace(PLACE, () => `<!-- bytes -->\n\`\`\`\n${text}\n\`\`\`\n<!-- end -->`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(protocolPath, await withBytes(readFileSync(protocolPath, 'utf8')));
