import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What this process holds in buffers, without garbage; another thread may let go of some a little later. Bytes. */
export function bufferBytes(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}
