'use strict';
// Opens a test database, names it and holds it until killed.
require('./typescript.cjs');
const { testDatabase } = require('../src/testing/index.ts');

testDatabase().then(({ name }) => {
  process.stdout.write(`${name}\n`);
  setInterval(() => undefined, 1_000);
});
