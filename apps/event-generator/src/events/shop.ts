import { SeededRandom, Weighted, zipf } from './seeded-random';

/** The shop that orders, stock and visits are about. It is the same for every seed: only what happens in it differs. */
export interface Product {
  readonly id: string;
  /** Price in euro cents. */
  readonly cents: number;
  readonly category: string;
}

export interface Customer {
  readonly id: string;
  readonly currency: Currency;
}

export interface Currency {
  readonly code: string;
  /** Digits after the point (ISO 4217). */
  readonly digits: number;
  /** Units for one euro. */
  readonly perEuro: number;
}

const CUSTOMERS = 5_000;
const PRODUCTS_PER_CATEGORY = 25;
const CATEGORIES = ['books', 'garden', 'kitchen', 'lighting', 'office', 'outdoor', 'pets', 'toys'];
export const WAREHOUSES = ['WH-AMS', 'WH-BCN', 'WH-LEJ', 'WH-LTN', 'WH-WRO'] as const;

const CURRENCIES = new Weighted<Currency & { share: number }>(
  [
    { code: 'EUR', digits: 2, perEuro: 1, share: 0.62 },
    { code: 'GBP', digits: 2, perEuro: 0.86, share: 0.17 },
    { code: 'USD', digits: 2, perEuro: 1.09, share: 0.12 },
    { code: 'PLN', digits: 2, perEuro: 4.28, share: 0.06 },
    { code: 'JPY', digits: 0, perEuro: 168, share: 0.03 },
  ],
  ({ share }) => share,
);

const random = new SeededRandom('shop');

export const PRODUCTS: readonly Product[] = CATEGORIES.flatMap((category) =>
  Array.from({ length: PRODUCTS_PER_CATEGORY }, (_, i) => {
    // Prices of a shop are about log-normal, and end in 99 or 49.
    const euros = Math.min(900, Math.max(2, Math.exp(random.normal(3.2, 0.9))));
    const cents = Math.floor(euros) * 100 + random.pick([99, 99, 49]);
    return { id: `${category.slice(0, 3).toUpperCase()}-${String(i + 1).padStart(3, '0')}`, cents, category };
  }),
);

export const CUSTOMERS_BY_RANK: readonly Customer[] = Array.from({ length: CUSTOMERS }, (_, i) => {
  const { code, digits, perEuro } = CURRENCIES.draw(random);
  // Ranks say nothing about when somebody became a customer.
  return { id: `cus_${String((i * 3_571) % CUSTOMERS).padStart(5, '0')}`, currency: { code, digits, perEuro } };
});

/** Some come back every day, most only once. */
export const CUSTOMERS_ZIPF = zipf(CUSTOMERS_BY_RANK, 1.05);
export const PRODUCTS_ZIPF = zipf(shuffled(PRODUCTS), 0.8);

/** Fisher-Yates: which products sell has nothing to do with their names. */
function shuffled<T>(values: readonly T[]): T[] {
  const all = [...values];
  for (let i = all.length - 1; i > 0; i--) {
    const j = random.between(0, i);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}

/** A price in a currency's smallest unit: cents, or whole yen. */
export function priceIn(currency: Currency, { cents }: Product): number {
  return Math.max(1, Math.round((cents / 100) * currency.perEuro * 10 ** currency.digits));
}

/** An amount of smallest units as a number of the currency: exact, since a double holds cents of any sum here. */
export const amount = ({ digits }: Currency, units: number): number => Number((units / 10 ** digits).toFixed(digits));
