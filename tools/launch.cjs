'use strict';
// The way in for `npm start`, `npm run demo`, `npm run migrate`: checks what must be there, builds what is out of date,
// runs the command. Written in syntax that any Node can parse, so that an old one gets a sentence and no SyntaxError.
var path = require('path');
var fs = require('fs');
var spawnSync = require('child_process').spawnSync;

var NODE_MIN = [20, 19];
var COMMANDS = ['start', 'demo', 'migrate', 'bench', 'chaos', 'fuzz', 'overload', 'simulate', 'contracts', 'keys'];
var root = path.resolve(__dirname, '..');

function fail(lines) {
  process.stderr.write(lines.join('\n') + '\n');
  process.exit(1);
}

function nodeIsOld(version) {
  var parts = version.split('.').map(Number);
  return parts[0] < NODE_MIN[0] || (parts[0] === NODE_MIN[0] && parts[1] < NODE_MIN[1]);
}

var version = process.env.MILLRACE_ASSUME_NODE || process.versions.node;
if (nodeIsOld(version)) {
  fail([
    'Millrace needs Node ' + NODE_MIN.join('.') + ' or newer; this is Node ' + version + ' (' + process.execPath + ').',
    'Install a newer one from https://nodejs.org or with your version manager (nvm install 20), then run the command again.',
  ]);
}

var command = process.argv[2];
if (COMMANDS.indexOf(command) < 0) fail(['usage: node tools/launch.cjs <' + COMMANDS.join('|') + '> [options]']);

['@swc/core', 'pg', '@nestjs/core'].forEach(function (name) {
  if (!fs.existsSync(path.join(root, 'node_modules', name, 'package.json'))) {
    fail([
      'The dependencies are not installed (' + name + ' is missing in ' + path.join(root, 'node_modules') + ').',
      'Run `npm ci` in ' + root + ' first.',
    ]);
  }
});

// In a process of its own: the compiler's memory is not kept for as long as the services run.
process.env.MILLRACE_LAUNCHED_AT = process.env.MILLRACE_LAUNCHED_AT || String(Date.now());
// What `contracts` writes to standard output is for files and pipes.
var stdio = command === 'contracts' ? ['ignore', 2, 2] : 'inherit';
var built = spawnSync(process.execPath, [path.join(__dirname, 'build.mjs')], { cwd: root, stdio: stdio });
if (built.status !== 0) fail(['The build failed' + (built.error ? ': ' + built.error.message : ', see above') + '.']);

var entry = path.join(__dirname, 'dist', command, 'main.js');
if (!fs.existsSync(entry)) fail(['The build did not produce ' + entry + '.']);
process.argv.splice(2, 1);
require(entry).main();
