/**
 * What runs in the thread, as text: a thread of a compiled service and one of a test start alike. It is given JSON texts
 * and answers each with a JSON text, or with why there is none.
 */
export const THREAD_SOURCE = `
'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const { kind, body, modules, outputCharsMax } = workerData;

function create() {
  if (kind === 'jsonata') {
    const expression = require(modules.jsonata)(body);
    return (input) => expression.evaluate(input);
  }
  const { applyPatch } = require(modules.patch);
  const operations = JSON.parse(body);
  // Validated, and without touching prototypes.
  return (input) => applyPatch(input, operations, true, true, true).newDocument;
}

const say = (error) => String((error && error.message) || error).slice(0, 500);

let apply;
try {
  apply = create();
  parentPort.postMessage({ ready: true });
} catch (error) {
  parentPort.postMessage({ broken: say(error) });
}

parentPort.on('message', async ({ id, text }) => {
  try {
    const output = await apply(JSON.parse(text));
    if (output === null || typeof output !== 'object' || Array.isArray(output))
      throw new Error('the result is no object');
    const json = JSON.stringify(output);
    if (json.length > outputCharsMax) throw new Error('the result is larger than an event may be');
    parentPort.postMessage({ id, text: json });
  } catch (error) {
    parentPort.postMessage({ id, failure: say(error) });
  }
});
`;
