'use strict';
// Watches the shared test server from a process of its own, since none of the processes that use it knows that it is
// the last: when nobody has used the server for a while, stops it and removes its folder. Plain JavaScript, because it
// starts from the sources as well as from the build. Arguments: the folder, how long it may idle in ms.
const fs = require('node:fs');
const path = require('node:path');

const [dir, idleText] = process.argv.slice(2);
const idleMsMax = Number(idleText);
const POLL_MS = 500;
const ME = `${process.pid}.0.janitor`;

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Who is in one of the folders that ../embedded/presence.ts keeps. */
const others = (place) => {
  try {
    return fs.readdirSync(path.join(dir, place)).filter((name) => name !== ME && isAlive(Number(name.split('.')[0])));
  } catch {
    return [];
  }
};

const enter = (place) => fs.writeFileSync(path.join(dir, place, ME), '');
const leave = (place) => fs.rmSync(path.join(dir, place, ME), { force: true });

const serverPid = () => {
  try {
    return Number(fs.readFileSync(path.join(dir, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
};

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function cleanUp() {
  const pid = serverPid();
  // Without a pid file that names a living server there is nothing to stop: the number may be another process's by now.
  const named =
    pid &&
    isAlive(pid) &&
    (process.platform !== 'linux' ||
      fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('cluster_name=millrace-'));
  if (named) process.kill(pid, 'SIGINT');
  while (named && isAlive(pid) && serverPid() === pid) await sleep(POLL_MS);
  // In one step, so that who comes now finds no half of a folder.
  const trash = `${dir}.${process.pid}.trash`;
  fs.renameSync(dir, trash);
  fs.rmSync(trash, { recursive: true, force: true, maxRetries: 3 });
}

async function main() {
  enter('janitor');
  let usedAt = performance.now();
  while (fs.existsSync(dir)) {
    await sleep(POLL_MS);
    if (others('users').length + others('turn').length > 0) usedAt = performance.now();
    if (performance.now() - usedAt < idleMsMax) continue;
    enter('turn');
    if (others('turn').length + others('users').length === 0) return cleanUp();
    leave('turn');
  }
}

main().catch(() => process.exit(1));
