import { setTimeout as sleep } from 'node:timers/promises';
import { acceptedPerSecond } from './generate';
import type { LoadOutcome } from './generator.child';
import type { Stage } from './stage';
import { type Finding, judgeConservation, judgeOverload, judgeRefusals } from './verdict';

export interface ScenarioOptions {
  readonly seconds: number;
  readonly connections: number;
  readonly eventsPerRequest: number;
  readonly tell: (line: string) => void;
}

const CAPACITY_CONNECTIONS = 128;
const WARMUP_SECONDS = 3;
const BASELINE_SHARE = 0.7;
const OVERLOAD_FACTOR = 10;
const SETTLE_MS_MAX = 400_000;
const REST_MS = 2_000;
/** What was appended in the last minute is not trimmed: its append may still be repeated. */
const RESUME_SECONDS_MAX = 75;

/**
 * Ten times the load that can be handled: measures capacity in a closed loop, before and after, the latency at 70 % of
 * it, sends ten times as much as capacity, and afterwards asks for every event that was accepted.
 */
export async function tenfold(stage: Stage, options: ScenarioOptions): Promise<Finding[]> {
  const { seconds, connections, eventsPerRequest, tell } = options;
  const common = { eventsPerRequest, warmupSeconds: WARMUP_SECONDS };
  const short = Math.min(20, seconds) + WARMUP_SECONDS;
  const full = await stage.load({ ...common, connections: CAPACITY_CONNECTIONS, rate: 0, seconds: short });
  tell(`capacity   ${shown(full)}`);
  await sleep(REST_MS, undefined, { signal: stage.signal });
  const baseline = await stage.load({
    ...common,
    connections,
    rate: acceptedPerSecond(full) * BASELINE_SHARE,
    seconds: short,
  });
  tell(`baseline   ${shown(baseline)}`);
  const overload = await stage.load({
    ...common,
    connections,
    rate: acceptedPerSecond(full) * OVERLOAD_FACTOR,
    seconds: seconds + WARMUP_SECONDS,
  });
  tell(`overload   ${shown(overload)}`);
  // Again: a machine that others use too has another capacity some minutes later.
  const again = await stage.load({ ...common, connections: CAPACITY_CONNECTIONS, rate: 0, seconds: short });
  tell(`capacity   ${shown(again)}`);
  const capacity = (acceptedPerSecond(full) + acceptedPerSecond(again)) / 2;
  const totals = await stage.settled(SETTLE_MS_MAX);
  return [
    ...judgeOverload(capacity, baseline, overload),
    ...judgeConservation(totals, stage.items, stage.unknown),
    ...stage.processFindings(),
  ];
}

/**
 * More than curation can land, for as long as the log has room and longer: events are accepted as fast as before until
 * the log's limit, then refused, and accepted again by themselves once curation has caught up.
 */
export async function fullLog(stage: Stage, options: ScenarioOptions): Promise<Finding[]> {
  const { seconds, connections, tell } = options;
  const common = { eventsPerRequest: 100, warmupSeconds: 0 };
  const outcomes: LoadOutcome[] = [];
  const notices = new Set<string>();
  let filling: LoadOutcome | null = null;
  // In slices, between which readiness is asked: how near the limit is must be seen before it is met.
  for (let slice = 0; slice < seconds / 5; slice++) {
    const outcome = await stage.load({ ...common, connections: Math.min(connections, 64), rate: 900, seconds: 5 });
    const log = await logReadiness(stage);
    notices.add(log.replace(/\d+/g, 'n'));
    tell(`5 s        ${shown(outcome)}; log ${log}`);
    if (Object.keys(outcome.refused).length === 0) filling = outcome;
    outcomes.push(outcome);
  }
  const refusing = outcomes.filter(({ refused }) => Object.keys(refused).length > 0);
  const totals = await stage.settled(SETTLE_MS_MAX);
  const resumedSeconds = await untilAccepted(stage);
  const after = await stage.load({ ...common, connections: 4, rate: 10, seconds: 3 });
  tell(`afterwards ${shown(after)}; log ${await logReadiness(stage)}`);
  const all = await stage.settled(SETTLE_MS_MAX);
  return [
    {
      what: `${refusing.length} of ${outcomes.length} slices met the limit`,
      ok: refusing.length > 0 && filling !== null,
    },
    {
      what: `readiness told: ${[...notices].join(' | ')}`,
      ok: [...notices].some((notice) => notice.includes('filled to')),
    },
    ...refusing.slice(0, 1).flatMap(judgeRefusals),
    {
      what: `accepted again ${resumedSeconds.toFixed(0)} s after curation had caught up, at most ${RESUME_SECONDS_MAX}`,
      ok: resumedSeconds <= RESUME_SECONDS_MAX,
    },
    { what: `pending ${totals.pending} after the load`, ok: totals.pending === 0 },
    {
      what: `${after.accepted} of ${after.sent} accepted afterwards`,
      ok: after.accepted === after.sent && after.sent > 0,
    },
    ...judgeConservation(all, stage.items, stage.unknown),
    ...stage.processFindings(),
  ];
}

/** Sends single requests until one is accepted; how long that took, s. */
async function untilAccepted(stage: Stage): Promise<number> {
  const began = performance.now();
  for (;;) {
    const probe = await stage.load({ connections: 1, eventsPerRequest: 100, rate: 1, seconds: 2, warmupSeconds: 0 });
    const seconds = (performance.now() - began) / 1_000;
    if (probe.accepted > 0 || seconds > RESUME_SECONDS_MAX) return seconds;
  }
}

async function logReadiness({ gatewayPort, signal }: Stage): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${gatewayPort}/readiness`, { signal });
  return ((await response.json()) as { resources: Record<string, string> }).resources['log watch'] ?? '';
}

function shown(outcome: LoadOutcome): string {
  const { seconds, due, sent, unsent, refused, acceptedMs, refusedMs, cpuSeconds } = outcome;
  const rate = (count: number): string => Math.round(count / seconds).toLocaleString('en-US');
  return (
    `accepted ${Math.round(acceptedPerSecond(outcome)).toLocaleString('en-US')}/s, p50 ${acceptedMs.p50.toFixed(0)} ms, p99 ${acceptedMs.p99.toFixed(0)} ms; ` +
    `due ${rate(due)}/s, sent ${rate(sent)}/s, no free connection ${rate(unsent)}/s; ` +
    `refused ${JSON.stringify(refused)} p50 ${refusedMs.p50.toFixed(0)} ms p99 ${refusedMs.p99.toFixed(0)} ms; generator ${(cpuSeconds / seconds).toFixed(2)} cores`
  );
}
