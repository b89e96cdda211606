/** Has its user's cursors journaled in two steps, then moves a device's cursor once: `lazy-child.js <folder>`. Says "moved", and when the journal was written before. Nothing asks for a flush. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';

const storage = await openEmbeddedStorage({ folder: process.argv[2], now: Date.now });
for (const seq of [3, 5]) {
  storage.cursors.moveDelivered('alice', 'd:alice:bob', seq, seq * 100);
  await storage.cursors.setRead('alice', 'd:alice:bob', seq - 1, seq * 100 + 1);
  await storage.cursors.flush();
}
const before = statSync(join(process.argv[2], 'journal', '000001.journal')).mtimeMs;
storage.cursors.moveDevice('alice', 'phone', 'd:alice:bob', { position: 7, last: 7, started: true, toldDelivered: 0, toldRead: 0, toldOwnRead: 0 });
console.log(`moved ${before}`);
setInterval(() => undefined, 1000);
