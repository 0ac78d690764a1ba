// A process that is to be killed: consumes one group over the TypeScript sources as they are, and prints what it does.
// argv: url, topic. Lines: `subscribed`, `delivered <values>`, `acknowledged <values>`, `aborted <values>`.
const { readFileSync } = require('node:fs');
const { transformSync } = require('@swc/core');

require.extensions['.ts'] = (module, filename) => {
  const jsc = { target: 'es2022', keepClassNames: true, parser: { syntax: 'typescript', decorators: true } };
  const { code } = transformSync(readFileSync(filename, 'utf8'), {
    filename,
    swcrc: false,
    module: { type: 'commonjs' },
    jsc,
  });
  module._compile(code, filename);
};

const { createPostgresMessaging } = require('./index.ts');
const [url, topic] = process.argv.slice(2);
const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);

async function main() {
  const messaging = createPostgresMessaging({
    url,
    applicationName: 'doomed',
    leaseMs: 1_200,
    pollMs: 200,
    trimEveryMs: 0,
  });
  const subscription = await messaging.subscribe({ topic, group: 'g', eventsMax: 3 });
  say('subscribed');
  for (let delivery = await subscription.next(); delivery; delivery = await subscription.next()) {
    const values = delivery.batches.flatMap(({ records }) => records.map(({ value }) => value.toString())).join(',');
    say('delivered', values);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await delivery.ack();
    say(delivery.signal.aborted ? 'aborted' : 'acknowledged', values);
  }
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
