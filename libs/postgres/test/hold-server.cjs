'use strict';
// Starts an embedded server with the options in argv, says so in one line of JSON, and holds it until told to stop.
require('./typescript.cjs');
const { startEmbedded } = require('../src/embedded/index.ts');

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

startEmbedded(JSON.parse(process.argv[2])).then(
  ({ pid, port, adopted, notes, stop, url }) => {
    say({ pid, port, adopted, notes, url: url('postgres') });
    process.stdin.once('data', () => stop().then(() => process.exit(0)));
  },
  ({ code, message }) => say({ code, message }),
);
