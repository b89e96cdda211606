/** Moves a device's cursor once: `lazy-child.js <folder>`. Says "moved", and when the journal was written before. Nothing asks for a flush. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';

const storage = await openEmbeddedStorage({ folder: process.argv[2], now: Date.now });
const before = statSync(join(process.argv[2], 'journal', '000001.journal')).mtimeMs;
storage.cursors.moveDevice('alice', 'phone', 'd:alice:bob', { position: 7, last: 7, started: true, toldDelivered: 0, toldRead: 0, toldOwnRead: 0 });
console.log(`moved ${before}`);
setInterval(() => undefined, 1000);
