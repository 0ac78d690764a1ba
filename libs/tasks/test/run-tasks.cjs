'use strict';
// A runner in a process of its own, to be killed. Options in argv; says when it runs.
require('../../postgres/test/typescript.cjs');
const { createPostgresTaskRunner } = require('../src/postgres/index.ts');

createPostgresTaskRunner(JSON.parse(process.argv[2]))
  .start()
  .then(() => process.stdout.write('running\n'));
