import { type Decoded, inspect, isSound, type InboundHeaders, type Refusal } from '@millrace/envelope';
import { ProblemException } from '@millrace/service';
import { assertHeadersSize, type CaptureDeps, refused, store } from './capture';
import type { CapturedItem } from './append-queue';
import { type Answer, type CapturedRequest, choice } from './http';
import { eachItem, faultReceipt, fullReceipt, type ItemReceipt, strictReceipt } from './receipts';
import type { RecordHeaders } from './reception';
import { itemsOf } from './request-items';

/** An item against the contracts in force: what it decodes to, and what is wrong with it. */
export type StrictCheck = (value: Buffer, headers: InboundHeaders) => { decoded: Decoded; fault: Refusal | null };

export interface BatchDeps extends CaptureDeps {
  /** Rejects with a 503 while contracts are not known. */
  readonly strictCheck: () => Promise<StrictCheck>;
}

const ONE_ACCEPTED: Answer = { status: 202, text: '{"accepted":1,"quarantined":0,"items":[]}' };
/** Errors in one problem, at most: the answer to 10,000 bad items is to be read by a person. */
const ERRORS_MAX = 100;

/**
 * `POST /v1/events`: one event or many, in every content type of API.md.
 *
 * Whatever is in a well-formed request is kept: an item that cannot be an event goes into the log too, is reported here,
 * and lands in quarantine. Under `?strict=true` items that are no events, or break their contract, are refused instead
 * and not kept.
 */
export function createBatchHandler(deps: BatchDeps): (request: CapturedRequest) => Promise<Answer> {
  return async (request) => {
    const all = choice(request, 'receipts', ['all', 'faults']) === 'all';
    const strict = choice(request, 'strict', ['true', 'false']) === 'true';
    const given = itemsOf(request);
    const headers = deps.receive(request, given.reception);
    if (given.exactly && !strict && !all && (await eachItem(given.items, (value) => isSound(value, headers)))) {
      await storeAll(deps, given.items, headers);
      return { status: 202, text: summary(given.items.length, [], all) };
    }
    const { items, document } = given.exactly?.() ?? given;
    if (headers.attributes !== undefined) assertHeadersSize(headers, 'header');
    const sound = document && isSoundDocument(items[0], headers);
    if (strict) return strictly(deps, items, headers, { all, document });
    if (sound && !all) {
      await store(deps, [{ headers, value: items[0] }]);
      return ONE_ACCEPTED;
    }
    const receipts = await receiptsOf(items, headers, all);
    await storeAll(deps, items, headers);
    return { status: 202, text: summary(items.length, receipts, all) };
  };
}

function storeAll(deps: CaptureDeps, items: readonly Buffer[], headers: RecordHeaders): Promise<void> {
  return store(
    deps,
    items.map((value) => ({ headers, value })),
  );
}

/** Whether a document passes the light check. A body that is to be one JSON document and is no JSON is not a request. */
function isSoundDocument(body: Buffer, headers: RecordHeaders): boolean {
  if (isSound(body, headers)) return true;
  const seen = inspect(body, headers);
  if (seen.ok) return true;
  const { reason } = seen.refusal;
  if (reason === 'invalid_json' || reason === 'invalid_utf8') throw refused(seen.refusal);
  return false;
}

/** Receipts of what will be quarantined, or of everything. Content ids are worked out only where they are asked for. */
async function receiptsOf(items: readonly Buffer[], headers: RecordHeaders, all: boolean): Promise<ItemReceipt[]> {
  const receipts: ItemReceipt[] = [];
  await eachItem(items, (value, index) => {
    const receipt = all ? fullReceipt(value, headers, index) : faultReceipt(value, headers, index);
    if (receipt) receipts.push(receipt);
  });
  return receipts;
}

function summary(count: number, receipts: readonly ItemReceipt[], all: boolean): string {
  if (receipts.length === 0) return `{"accepted":${count},"quarantined":0,"items":[]}`;
  const quarantined = all ? receipts.filter(({ status }) => status !== 'accepted').length : receipts.length;
  return JSON.stringify({ accepted: count - quarantined, quarantined, items: receipts });
}

async function strictly(
  deps: BatchDeps,
  items: readonly Buffer[],
  headers: RecordHeaders,
  { all, document }: { all: boolean; document: boolean },
): Promise<Answer> {
  const check = await deps.strictCheck();
  const kept: CapturedItem[] = [];
  const receipts: ItemReceipt[] = [];
  const bad: ItemReceipt[] = [];
  await eachItem(items, (value, index) => {
    const { decoded, fault } = check(value, headers);
    const receipt = strictReceipt(decoded, fault, index);
    if (fault) bad.push(receipt);
    else kept.push({ headers, value });
    if (all || fault) receipts.push(receipt);
  });
  if (bad.length > 0 && kept.length === 0) throw noneKept(bad, document);
  await store(deps, kept);
  const body = { accepted: kept.length, quarantined: 0, refused: bad.length, items: receipts };
  return { status: bad.length > 0 ? 207 : 202, text: JSON.stringify(body) };
}

function noneKept(bad: readonly ItemReceipt[], document: boolean): ProblemException {
  const errors = bad.slice(0, ERRORS_MAX).map(({ index, error }) => ({
    rule: error?.rule ?? '',
    detail: error?.detail ?? '',
    path: document ? (error?.path ?? '$') : `$[${index}]${(error?.path ?? '$').slice(1)}`,
  }));
  const more = bad.length > errors.length ? ` The first ${errors.length} of ${bad.length} are listed.` : '';
  const detail = document ? errors[0].detail : `No item of this request keeps its contract; nothing was taken.${more}`;
  return new ProblemException(400, { detail, errors });
}
