// The load generator's process: one job comes by IPC, its answer goes back, and it ends.
import type { Answer, Job } from './job.js';
import { runJob } from './run.js';

process.once('message', (job: Job) => {
  const send = (answer: Answer) => process.send!(answer, () => process.exit(0));
  runJob(job).then(
    (metrics) => send({ metrics }),
    (error: Error) => send({ error: error.message }),
  );
});
