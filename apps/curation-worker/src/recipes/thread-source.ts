/**
 * What runs in the thread, as text: a thread of a compiled service and one of a test start alike. It is given JSON texts
 * and answers each with a JSON text, or with why there is none.
 */
export const THREAD_SOURCE = `
'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const { kind, body, modules, outputCharsMax } = workerData;
const operations = kind === 'jsonata' ? [] : JSON.parse(body);

function create() {
  if (kind === 'jsonata') {
    const expression = require(modules.jsonata)(body);
    return (input) => expression.evaluate(input);
  }
  const { applyPatch } = require(modules.patch);
  // Validated, and without touching prototypes.
  return (input) => applyPatch(input, operations, true, true, true).newDocument;
}

// What an engine says of a failure holds parts of the event, and even all of it: only what the recipe itself says, or
// what no event can change, is passed on.
function say(error) {
  if (error instanceof Refused) return error.message;
  if (kind === 'jsonata') return sayOfExpression(error);
  return sayOfPatch(error);
}

class Refused extends Error {}

function sayOfExpression(error) {
  const code = error && error.code;
  if (typeof code !== 'string' || !/^[DTSU][0-9]{4}$/.test(code)) return 'it fails with ' + nameOf(error);
  const at = Number.isInteger(error.position) ? ' (' + code + ' at character ' + error.position + ')' : ' (' + code + ')';
  const message = String(error.message);
  // The recipe's own words, where they stand in it as they are.
  if (code === 'D3137' || code === 'D3141')
    return isLiteral(message) ? message.slice(0, 400) + at : 'it says an error of its own, made of the item' + at;
  const masked = MASKED.reduce((text, key) => {
    const value = error[key] === undefined ? undefined : JSON.stringify(error[key]);
    const isOwn = key === 'token' && body.includes(String(error[key]));
    return value === undefined || isOwn ? text : text.split(value).join('…');
  }, message);
  return masked.slice(0, 400) + at;
}

// Members of an error that come from what is evaluated.
const MASKED = ['value', 'value2', 'exp', 'error', 'token'];

const isLiteral = (message) =>
  [message, JSON.stringify(message).slice(1, -1)].some(
    (text) => body.includes('"' + text + '"') || body.includes("'" + text + "'"),
  );

function sayOfPatch(error) {
  const { name, index, message } = error || {};
  if (Number.isInteger(index) && operations[index]) {
    const { op, path, from } = operations[index];
    const where = from === undefined ? path : from + ' to ' + path;
    return ('operation ' + index + ' (' + op + ' ' + where + ') cannot be done: ' + name).slice(0, 500);
  }
  return /^JSON-Patch: /.test(String(message)) ? String(message).slice(0, 500) : 'it fails with ' + nameOf(error);
}

// Of what the engine says by itself only what names no value.
const FIXED = /^(Invalid (string|array) length|Maximum call stack size exceeded)$/;

function nameOf(error) {
  const name = error && /^[A-Za-z_]{1,64}$/.test(error.name) ? error.name : 'an error';
  return error && FIXED.test(error.message) ? name + ': ' + error.message : name;
}

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
      throw new Refused('the result is no object');
    const json = JSON.stringify(output);
    if (json.length > outputCharsMax) throw new Refused('the result is larger than an event may be');
    parentPort.postMessage({ id, text: json });
  } catch (error) {
    parentPort.postMessage({ id, failure: say(error) });
  }
});
`;
