import type { FastifyInstance } from 'fastify';
import { type Answer, answer } from '../problem/problem';

/**
 * Tells "no such path" (404) from "not with this method" (405 with Allow, or what OPTIONS asks for). Templates become
 * patterns at the first miss, never on the way of a request that is served.
 */
export class KnownPaths {
  private readonly methods = new Map<string, Set<string>>();
  private patterns?: { pattern: RegExp; methods: Set<string> }[];

  constructor(fastify: FastifyInstance) {
    fastify.addHook('onRoute', ({ url, method }) => {
      const known = this.methods.get(url) ?? new Set();
      for (const name of Array.isArray(method) ? method : [method]) known.add(name);
      this.methods.set(url, known);
      this.patterns = undefined;
    });
  }

  /** The methods that the path of this URL has, sorted; empty when there is no such path. */
  allowed(url: string): string[] {
    this.patterns ??= [...this.methods].map(([template, methods]) => ({ pattern: patternOf(template), methods }));
    const path = url.split(/[?#]/, 1)[0];
    const allowed = new Set<string>();
    for (const { pattern, methods } of this.patterns) if (pattern.test(path)) methods.forEach((m) => allowed.add(m));
    return [...allowed].sort();
  }
}

/** 405 where a path takes other methods (`allowed`, as for the Allow header), 404 where it takes none. */
export function refuseMethod(method: string, allowed: string): Answer {
  if (allowed === '') return answer(404, { detail: 'There is nothing under this path.' });
  return answer(405, { detail: `This path does not take ${method}. It takes ${allowed}.` }, { allow: allowed });
}

/** `/a/:id/b` and `/a/*` in find-my-way's syntax; a parameter's own pattern counts as any segment. */
function patternOf(template: string): RegExp {
  const source = template
    .split('/')
    .map((segment) => {
      if (segment === '*') return '.*';
      const literal = segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return segment.includes(':') ? '[^/]+' : literal;
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
