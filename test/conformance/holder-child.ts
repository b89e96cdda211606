/** A process that holds a data folder until it is killed: `holder-child.js <folder>`. Says "open" or why not. */
import { openEmbeddedStorage } from '../../plugins/store-embedded/index.js';

try {
  await openEmbeddedStorage({ folder: process.argv[2], now: Date.now });
  console.log('open');
  setInterval(() => undefined, 1000);
} catch (error) {
  console.log(`${(error as Error).name}: ${(error as Error).message}`);
}
