import { type EventBody, type EventStream, type GeneratedEvent, type StreamOptions, timestamp, utcDate } from './event';
import { SeededRandom, Weighted } from './seeded-random';
import { amount, type Currency, CUSTOMERS_ZIPF, type Product, PRODUCTS_ZIPF, priceIn } from './shop';
import { LifeStream, tagOf, WorldClock } from './world';

interface Item {
  readonly product_id: string;
  readonly quantity: number;
  readonly unit_price: number;
}

interface Order {
  readonly body: EventBody;
  readonly key: string;
  status: Status;
}

type Status = 'placed' | 'paid' | 'packed' | 'shipped' | 'delivered' | 'cancelled' | 'returned';

/** What comes after a status, by weight; an order rests where nothing does. */
const AFTER: Readonly<Record<Status, Weighted<Status | null>>> = {
  placed: weighted({ paid: 92, cancelled: 8 }),
  paid: weighted({ packed: 97, cancelled: 3 }),
  packed: weighted({ shipped: 100 }),
  shipped: weighted({ delivered: 100 }),
  delivered: weighted({ returned: 6, rest: 94 }),
  cancelled: weighted({ rest: 1 }),
  returned: weighted({ rest: 1 }),
};

const LINES = new Weighted([1, 2, 3, 4, 5, 6], (_, i) => [48, 26, 13, 7, 4, 2][i]);
const QUANTITIES = new Weighted([1, 2, 3, 4, 10], (_, i) => [74, 16, 6, 3, 1][i]);
/** Orders take about five events from placed to delivered. */
const LIVES = { birthShare: 0.21, paceMs: 4 * 3_600_000 };

/**
 * `order` events: snapshots of orders as they go from placed to delivered. Flat: event_type and exactly order_id,
 * customer_id, order_date, status, items, total_amount, currency, event_date. `total_amount` is the sum of quantity
 * times unit_price, in the customer's currency. No two events are alike, as no order is twice in a status.
 */
export function orderStream(options: StreamOptions): EventStream {
  const random = new SeededRandom(`order\0${options.seed}`);
  const tag = tagOf('order', options.seed);
  const clock = new WorldClock(random, options);
  let placed = 0;
  const snapshot = ({ body, key, status }: Order, nowMs: number): GeneratedEvent => ({
    key,
    body: { ...body, status, event_date: utcDate(nowMs) },
  });
  return new LifeStream<Order>(
    random,
    clock,
    {
      begin: (nowMs) => {
        const id = `ord_${tag}_${String(++placed).padStart(6, '0')}`;
        const customer = CUSTOMERS_ZIPF.draw(random);
        const { items, units } = basket(random, customer.currency);
        const life: Order = {
          key: id,
          status: 'placed',
          body: {
            event_type: 'order',
            order_id: id,
            customer_id: customer.id,
            order_date: timestamp(nowMs),
            status: 'placed',
            items,
            total_amount: amount(customer.currency, units),
            currency: customer.currency.code,
          },
        };
        return { life, event: snapshot(life, nowMs) };
      },
      proceed: (order, nowMs) => {
        const next = AFTER[order.status].draw(random);
        if (next === null) return null;
        order.status = next;
        return snapshot(order, nowMs);
      },
    },
    LIVES,
    options.gapMs,
  );
}

function basket(random: SeededRandom, currency: Currency): { items: Item[]; units: number } {
  const products = new Set<Product>();
  for (let lines = LINES.draw(random); lines > 0; lines--) products.add(PRODUCTS_ZIPF.draw(random));
  let units = 0;
  const items = [...products].map((product) => {
    const quantity = QUANTITIES.draw(random);
    const price = priceIn(currency, product);
    units += quantity * price;
    return { product_id: product.id, quantity, unit_price: amount(currency, price) };
  });
  return { items, units };
}

function weighted(weights: Partial<Record<Status | 'rest', number>>): Weighted<Status | null> {
  const entries = Object.entries(weights) as [Status | 'rest', number][];
  return new Weighted(
    entries.map(([status]) => (status === 'rest' ? null : status)),
    (_, i) => entries[i][1],
  );
}
