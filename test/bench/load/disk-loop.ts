// What the disk itself does: write 4 KiB, fdatasync, at a rate, on the file system of the data folder. A process of its own,
// beside a latency measurement; it ends and answers when it is told to by a message.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import type { Metrics } from './job.js';
import { percentile } from './meter.js';

const block = Buffer.alloc(4096, 0x5a);
const [file, perSecond] = [process.argv[2], Number(process.argv[3])];
const descriptor = openSync(file, 'w');
const times: number[] = [];
const startedAt = performance.now();

/** One by one, as often as the rate asks for; on a disk that is slower than the rate, without a pause. */
const timer = setInterval(() => {
  const now = performance.now();
  const due = ((now - startedAt) * perSecond) / 1000;
  // Twice what a tick of 1 ms asks for, at most: what a slow disk has made late is not all caught up.
  for (let writes = Math.min(due - times.length, Math.max(1, perSecond / 500)); writes >= 1; writes--) writeOnce();
}, 1);

function writeOnce(): void {
  const start = performance.now();
  writeSync(descriptor, block);
  fdatasyncSync(descriptor);
  times.push(performance.now() - start);
}

process.once('message', () => {
  clearInterval(timer);
  closeSync(descriptor);
  const sorted = Float64Array.from(times).sort();
  const seconds = (performance.now() - startedAt) / 1000;
  const metrics: Metrics = { diskPerSecond: times.length / seconds, diskP50: percentile(sorted, 0.5), diskP99: percentile(sorted, 0.99), diskMax: percentile(sorted, 1) };
  process.send!(metrics, () => process.exit(0));
});
