'use strict';
// Lets a child process of a test load the sources: `node --conditions=@millrace/source child.cjs`, which requires this.
const fs = require('node:fs');
const swc = require('@swc/core');

const OPTIONS = {
  swcrc: false,
  module: { type: 'commonjs' },
  jsc: { target: 'es2022', keepClassNames: true, parser: { syntax: 'typescript', decorators: true } },
};

require.extensions['.ts'] = (module, filename) => {
  module._compile(swc.transformSync(fs.readFileSync(filename, 'utf8'), { ...OPTIONS, filename }).code, filename);
};
