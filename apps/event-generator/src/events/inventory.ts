import { type EventStream, type GeneratedEvent, type StreamOptions, timestamp, utcDate } from './event';
import { SeededRandom, Weighted } from './seeded-random';
import { PRODUCTS_ZIPF, WAREHOUSES } from './shop';
import { tagOf, WorldClock } from './world';

type Reason = 'sale' | 'return' | 'damage' | 'adjustment' | 'transfer_out' | 'transfer_in' | 'restock';

const REASONS = new Weighted<Reason>(
  ['sale', 'return', 'damage', 'adjustment', 'transfer_out'],
  (_, i) => [84, 7, 2, 3, 4][i],
);
const QUANTITIES = new Weighted([1, 2, 3, 5, 10], (_, i) => [70, 17, 7, 4, 2][i]);
const OPENING_STOCK = 120;
const REORDER_BELOW = 20;

/**
 * `inventory` events: movements of stock. Flat: event_type and exactly inventory_id, product_id, quantity_change,
 * warehouse_id, reason, timestamp, event_date. Stock of a product in a warehouse begins at 120 and is never below zero;
 * what runs low is restocked, and what leaves one warehouse in a transfer arrives in another by the next event.
 */
export function inventoryStream(options: StreamOptions): EventStream {
  const random = new SeededRandom(`inventory\0${options.seed}`);
  const tag = tagOf('inventory', options.seed);
  const clock = new WorldClock(random, options);
  const stock = new Map<string, number>();
  let moved = 0;
  let arriving: { product: string; warehouse: string; quantity: number } | null = null;

  const movement = (product: string, warehouse: string, change: number, reason: Reason): GeneratedEvent => {
    const at = clock.tick();
    const key = `${product}@${warehouse}`;
    stock.set(key, (stock.get(key) ?? OPENING_STOCK) + change);
    return {
      key,
      body: {
        event_type: 'inventory',
        inventory_id: `mov_${tag}_${String(++moved).padStart(7, '0')}`,
        product_id: product,
        quantity_change: change,
        warehouse_id: warehouse,
        reason,
        timestamp: timestamp(at),
        event_date: utcDate(at),
      },
    };
  };

  return {
    next() {
      if (arriving) {
        const { product, warehouse, quantity } = arriving;
        arriving = null;
        return movement(product, warehouse, quantity, 'transfer_in');
      }
      const product = PRODUCTS_ZIPF.draw(random).id;
      const warehouse = random.pick(WAREHOUSES);
      const inStock = stock.get(`${product}@${warehouse}`) ?? OPENING_STOCK;
      if (inStock < REORDER_BELOW) return movement(product, warehouse, 12 * random.between(8, 12), 'restock');
      const reason = REASONS.draw(random);
      // Never more than there is: the least in stock here is above the largest quantity.
      const quantity = QUANTITIES.draw(random);
      if (reason === 'return') return movement(product, warehouse, quantity, reason);
      if (reason === 'adjustment') return movement(product, warehouse, random.chance(0.5) ? 1 : -1, reason);
      if (reason === 'transfer_out') {
        const other = random.pick(WAREHOUSES.filter((name) => name !== warehouse));
        arriving = { product, warehouse: other, quantity };
      }
      return movement(product, warehouse, -quantity, reason);
    },
  };
}
