/** A process that writes until the store fails, and says how that went: `cramped-child.js <folder>`. */
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';
import { append } from './appends.js';
import { small } from './backend.js';

const storage = await openEmbeddedStorage({ folder: process.argv[2], now: Date.now, limits: small });
const errors: string[] = [];
const failing = (error: Error): unknown => errors.push(error.message);
let acknowledged = 0;
while (errors.length === 0 && acknowledged < 10_000) {
  await storage.log.append([append('d:a:b', 'a', Buffer.alloc(50_000, 'x'))]).then(() => acknowledged++, failing);
}
await storage.cursors.setRead('a', 'd:a:b', 1, 1).catch(failing);
await storage.directory.addUser('a', 1).catch(failing);
await storage.close();
console.log(JSON.stringify({ acknowledged, errors }));
