/**
 * What runs in a recipe's process, as text: it keeps the recipe in a thread, so that it hears of the end of whoever
 * started it also while the recipe is in a loop. The first message is how to start the thread, each further one an item.
 */
export const PROCESS_SOURCE = `
'use strict';
const { Worker } = require('node:worker_threads');

process.on('disconnect', () => process.exit());
process.once('message', ({ source, workerData, resourceLimits }) => {
  const streams = { stdin: false, stdout: true, stderr: true };
  const worker = new Worker(source, { eval: true, env: {}, ...streams, workerData, resourceLimits });
  let failed = false;
  worker.on('message', (answer) => process.send(answer));
  worker.on('error', (error) => {
    failed = true;
    const tooLarge = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    process.send({ tooLarge, broken: String(error && error.message).slice(0, 500) }, () => process.exit(1));
  });
  worker.on('exit', () => failed || process.exit(1));
  process.on('message', (item) => worker.postMessage(item));
});
`;
