import { type EventStream, type GeneratedEvent, type StreamOptions, timestamp, utcDate } from './event';
import { SeededRandom, Weighted } from './seeded-random';
import { CUSTOMERS_ZIPF, PRODUCTS_ZIPF } from './shop';
import { LifeStream, tagOf, WorldClock } from './world';

type Activity =
  | 'page_view'
  | 'search'
  | 'category_view'
  | 'product_view'
  | 'add_to_cart'
  | 'remove_from_cart'
  | 'checkout'
  | 'purchase'
  | 'logout';

interface Session {
  readonly id: string;
  readonly user: string;
  activity: Activity;
  /** What is looked at now. */
  product: { readonly id: string; readonly category: string };
  /** Things in the cart. */
  cart: number;
  lastMs: number;
}

const SITE = 'https://shop.example';
const SEARCHES = ['lamp', 'gift', 'desk', 'tent', 'dog bed', 'novel', 'pan', 'puzzle'];
/** Thinking time between two clicks, and about eight of them a visit. */
const LIVES = { birthShare: 0.12, paceMs: 20_000 };

/** Where people go from a page, by weight; `leave` ends the visit. */
const AFTER: Readonly<Record<Activity, Weighted<Activity | 'leave'>>> = {
  page_view: paths({ search: 25, category_view: 45, product_view: 20, leave: 10 }),
  search: paths({ product_view: 70, search: 15, category_view: 5, leave: 10 }),
  category_view: paths({ product_view: 72, category_view: 12, search: 6, leave: 10 }),
  product_view: paths({ product_view: 34, category_view: 22, add_to_cart: 22, search: 8, leave: 14 }),
  add_to_cart: paths({ product_view: 35, checkout: 40, remove_from_cart: 10, leave: 15 }),
  remove_from_cart: paths({ product_view: 60, category_view: 15, leave: 25 }),
  checkout: paths({ purchase: 68, product_view: 12, leave: 20 }),
  purchase: paths({ page_view: 25, logout: 25, leave: 50 }),
  logout: paths({ leave: 1 }),
};

/**
 * `user_activity` events: visits to the shop, page after page. Flat: event_type and exactly user_id, session_id,
 * activity_type, page_url, timestamp, event_date. A visit begins on the front page, buys only what is in the cart, and its
 * times rise by at least a millisecond, so no two events are alike.
 */
export function userActivityStream(options: StreamOptions): EventStream {
  const random = new SeededRandom(`user_activity\0${options.seed}`);
  const tag = tagOf('user_activity', options.seed);
  const clock = new WorldClock(random, options);
  let begun = 0;
  const click = (session: Session, nowMs: number): GeneratedEvent => {
    session.lastMs = Math.max(nowMs, session.lastMs + 1);
    return {
      key: session.id,
      body: {
        event_type: 'user_activity',
        user_id: session.user,
        session_id: session.id,
        activity_type: session.activity,
        page_url: SITE + pathOf(session, random),
        timestamp: timestamp(session.lastMs),
        event_date: utcDate(session.lastMs),
      },
    };
  };
  return new LifeStream<Session>(
    random,
    clock,
    {
      begin: (nowMs) => {
        const life: Session = {
          id: `ses_${tag}_${String(++begun).padStart(6, '0')}`,
          user: CUSTOMERS_ZIPF.draw(random).id,
          activity: 'page_view',
          product: PRODUCTS_ZIPF.draw(random),
          cart: 0,
          lastMs: 0,
        };
        return { life, event: click(life, nowMs) };
      },
      proceed: (session, nowMs) => {
        const next = AFTER[session.activity].draw(random);
        if (next === 'leave') return null;
        // Nobody pays for an empty cart.
        session.activity = next === 'checkout' && session.cart === 0 ? 'category_view' : next;
        if (session.activity === 'product_view') session.product = PRODUCTS_ZIPF.draw(random);
        else if (session.activity === 'add_to_cart') session.cart++;
        else if (session.activity === 'remove_from_cart') session.cart = Math.max(0, session.cart - 1);
        else if (session.activity === 'purchase') session.cart = 0;
        return click(session, nowMs);
      },
    },
    LIVES,
    options.gapMs,
  );
}

function pathOf({ activity, product }: Session, random: SeededRandom): string {
  switch (activity) {
    case 'page_view':
      return '/';
    case 'search':
      return `/search?q=${encodeURIComponent(random.pick(SEARCHES))}`;
    case 'category_view':
      return `/c/${product.category}`;
    case 'product_view':
      return `/c/${product.category}/${product.id}`;
    case 'add_to_cart':
    case 'remove_from_cart':
      return '/cart';
    case 'checkout':
      return '/checkout';
    case 'purchase':
      return '/checkout/done';
    case 'logout':
      return '/account/logout';
  }
}

function paths(weights: Partial<Record<Activity | 'leave', number>>): Weighted<Activity | 'leave'> {
  const entries = Object.entries(weights) as [Activity | 'leave', number][];
  return new Weighted(
    entries.map(([to]) => to),
    (_, i) => entries[i][1],
  );
}
