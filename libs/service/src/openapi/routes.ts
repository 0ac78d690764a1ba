import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { access } from '@millrace/auth';
import type { FastifyInstance } from 'fastify';
import { ProblemException } from '../problem/problem';

/** The page's own files, of the package that @nestjs/swagger brings; nothing else of it is served. */
const ASSETS: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** Addresses are relative, so that the page also works under a prefix of the front door. */
const page = (title: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;
const START = "SwaggerUIBundle({ url: 'openapi.json', dom_id: '#swagger-ui', validatorUrl: null });\n";
const POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** `/openapi.json` and the page that shows it, both made when first asked for and served without any network. */
export function addDocsRoutes(fastify: FastifyInstance, title: string, build: () => Promise<object>): void {
  // What the API is, is no secret; what it answers is.
  const config = { beforeReady: true, access: access('public') };
  let document: Promise<string> | undefined;
  const text = () =>
    (document ??= build().then(JSON.stringify)).catch((error) => {
      document = undefined;
      throw error;
    });
  fastify.get('/openapi.json', { config }, async (_request, reply) => {
    reply.header('content-type', 'application/json; charset=utf-8');
    return text();
  });
  fastify.get('/docs', { config }, (_request, reply) => {
    const headers = { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY };
    reply.headers(headers).send(page(title));
  });
  fastify.get('/docs/start.js', { config }, (_request, reply) => {
    reply.header('content-type', 'text/javascript; charset=utf-8').send(START);
  });
  fastify.get<{ Params: { asset: string } }>('/docs/:asset', { config }, (request, reply) => {
    const { asset } = request.params;
    if (!Object.hasOwn(ASSETS, asset)) throw new ProblemException(404, { detail: 'There is nothing under this path.' });
    const headers = { 'content-type': ASSETS[asset], 'cache-control': 'public, max-age=86400' };
    reply.headers(headers).send(createReadStream(path.join(assetFolder(), asset)));
  });
}

function assetFolder(): string {
  const swagger = createRequire(__filename).resolve('@nestjs/swagger');
  return path.dirname(createRequire(swagger).resolve('swagger-ui-dist/package.json'));
}
