#!/usr/bin/env node
'use strict';
// `npx millrace <command>`: the same commands as `npm run`, and those that take files of the caller's folder.
require('./launch.cjs');
