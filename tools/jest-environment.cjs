'use strict';
// Each test file has a `process` of its own, whose exit nobody tells: what waits for it to remove what it made, or to end
// what it started, is told here, after the file's last hook.
const { TestEnvironment } = require('jest-environment-node');

module.exports = class extends TestEnvironment {
  async teardown() {
    this.global?.process?.emit('exit', 0);
    await super.teardown();
  }
};
