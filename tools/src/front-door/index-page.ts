import { SERVICES } from '../start/services';
import type { ServiceReadiness } from './readiness';
import { ROUTES } from './routes';

/** The page at `/`: which services there are, whether they are ready, and where to go on. No script, no outside resource. `origin` is where the reader came to. */
export function indexPage(origin: string, readiness: Readonly<Record<string, ServiceReadiness>>): string {
  const at = escapeHtml(origin);
  const rows = SERVICES.map(({ name, does }) => {
    const ready = readiness[name]?.ready ?? false;
    const links = ['docs', 'openapi.json', 'readiness', 'metrics']
      .map((page) => `<a href="/${name}/${page}">${page}</a>`)
      .join(' ');
    const paths = (ROUTES[name] as readonly string[]).map((path) => `<code>${escapeHtml(path)}</code>`).join(' ');
    return `<tr><th>${name}</th><td class="${ready ? 'ok' : 'no'}">${ready ? 'ready' : 'not ready'}</td><td>${escapeHtml(does)}<br><small>${paths}</small></td><td>${links}</td></tr>`;
  }).join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Millrace</title><meta name="viewport" content="width=device-width">
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2733; }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .6rem .8rem; border-top: 1px solid #d9e0e7 }
code { background: #eef2f6; padding: 0 .25rem; border-radius: 3px } .ok { color: #1a7f37 } .no { color: #b35900 } pre { background: #eef2f6; padding: .8rem; overflow: auto }
</style></head><body>
<h1>Millrace</h1>
<p>Streams of events and files, turned into tables that people trust. Everything below is served from this one address.</p>
<table>
${rows}
</table>
<h2>Send an event, and see what became of it</h2>
<pre>curl -s ${at}/events -H 'content-type: application/json' \\
  -d '{"eventType": "order.created", "payload": {"order_id": 1}}'
curl -s ${at}/v1/events/EVENT_ID/trace
curl -s ${at}/v1/conservation</pre>
</body></html>
`;
}

const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
