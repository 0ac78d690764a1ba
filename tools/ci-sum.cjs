'use strict';
// Runs tests and ends with the plain line `N passed, N failed`.
//
//   node tools/ci-sum.cjs <laptop|slow|engines|corpora> [jest options]    one tier of jest
//   node tools/ci-sum.cjs --each "npm test" "npm run test:engines"   commands that end so themselves, summed
//   node tools/ci-sum.cjs --beside "one" "two"                       commands at the same time, each one test
//
// A suite that does not even load counts as one failure, and so does a command that ends without its plain line: a
// sum must not look better for tests that never ran. Exit code 1 when anything failed or nothing passed.
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.resolve(__dirname, '..');
const TIERS = ['laptop', 'slow', 'engines', 'corpora'];
const PLAIN = /^(\d+) passed, (\d+) failed$/gm;

function run(command, args, options, { onStart, onEnd } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, ...options });
    onStart?.(child);
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve({ code: 127, output: '' });
    });
    let output = '';
    for (const [stream, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      stream?.on('data', (chunk) => {
        to.write(chunk);
        // Only the end of the output is looked at.
        output = (output + chunk).slice(-65_536);
      });
    }
    child.on('exit', (code) => onEnd?.(child, code ?? 1));
    child.on('close', (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}

async function jestTier(tier, jestArgs) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-tests-'));
  const report = path.join(folder, 'report.json');
  const jest = path.join(path.dirname(require.resolve('jest/package.json', { paths: [root] })), 'bin', 'jest.js');
  try {
    const { code } = await run(
      process.execPath,
      [jest, '--json', `--outputFile=${report}`, '--passWithNoTests', ...jestArgs],
      {
        env: { ...process.env, MILLRACE_TEST_TIER: tier },
        // With --json and an output file jest writes its readable report to standard error, and coverage to standard output.
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    );
    if (!fs.existsSync(report)) return { passed: 0, failed: 1 };
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(
      fs.readFileSync(report, 'utf8'),
    );
    for (const { name, assertionResults } of testResults)
      for (const { status, invocations, fullName } of assertionResults)
        if (status === 'passed' && invocations > 1)
          console.error(`only the second try passed: ${path.relative(root, name)}: ${fullName}`);
    const failed = numFailedTests + numRuntimeErrorTestSuites;
    // Coverage below its threshold, a leak, a crashed worker: jest says so with its exit code alone.
    return { passed: numPassedTests, failed: code !== 0 && failed === 0 ? 1 : failed };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function each(commands) {
  const sum = { passed: 0, failed: 0 };
  for (const command of commands) {
    console.log(`\n▶ ${command}`);
    const { code, output } = await run(command, [], { shell: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const plain = [...output.matchAll(PLAIN)].pop();
    const passed = plain ? Number(plain[1]) : 0;
    const failed = plain ? Number(plain[2]) : 1;
    sum.passed += passed;
    sum.failed += code !== 0 && failed === 0 ? 1 : failed;
  }
  return sum;
}

/** As soon as one has failed the others are ended, with what they started; they count as failed as well. */
async function beside(commands) {
  const running = new Set();
  const end = () => {
    for (const child of running)
      try {
        // The child leads a process group of its own.
        process.kill(-child.pid, 'SIGTERM');
      } catch {
        // It is gone already.
      }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, end);
  const codes = await Promise.all(
    commands.map(async (command) => {
      console.log(`▶ ${command}`);
      const { code } = await run(
        command,
        [],
        { shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
        {
          onStart: (child) => running.add(child),
          onEnd: (child, code) => {
            running.delete(child);
            if (code !== 0) end();
          },
        },
      );
      if (code !== 0) console.log(`✗ ${command}`);
      return code;
    }),
  );
  for (const signal of signals) process.off(signal, end);
  const failed = codes.filter((code) => code !== 0).length;
  return { passed: codes.length - failed, failed };
}

async function main([first, ...rest]) {
  let sum;
  if (first === '--each' && rest.length > 0) sum = await each(rest);
  else if (first === '--beside' && rest.length > 0) sum = await beside(rest);
  else if (TIERS.includes(first)) sum = await jestTier(first, rest);
  else {
    console.error(
      `usage: node tools/ci-sum.cjs <${TIERS.join('|')}> [jest options]\n       node tools/ci-sum.cjs <--each|--beside> "command" …`,
    );
    process.exit(2);
  }
  console.log(`${sum.passed} passed, ${sum.failed} failed`);
  process.exit(sum.failed > 0 || sum.passed === 0 ? 1 : 0);
}

void main(process.argv.slice(2));
