import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/** Where the console is served. */
export const CONSOLE_PATH = '/console/';

// Everything comes from this server. The component library writes its styles at run time, which is why inline styles are allowed; scripts are not.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Serves the built console from `folder`. Addresses of views are paths of the page's own, so every path that is no file gets the page;
 * built files carry a hash in their name and may be kept for ever.
 */
export async function serveConsole(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(
    async (scope) => {
      await scope.register(fastifyStatic, {
        root: folder,
        prefix: '/',
        preCompressed: true,
        cacheControl: false,
        setHeaders(reply, path) {
          void reply.header('content-security-policy', policy);
          void reply.header('x-content-type-options', 'nosniff');
          void reply.header('referrer-policy', 'same-origin');
          void reply.header('cache-control', /[\\/]assets[\\/]/.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
        },
      });
      scope.setNotFoundHandler((request, reply) => {
        if (request.method !== 'GET' || request.url.includes('/assets/')) return reply.code(404).send({ Code: 'PathNotFound', Message: 'The console has no such file.' });
        return reply.sendFile('index.html');
      });
    },
    { prefix: CONSOLE_PATH.slice(0, -1) },
  );
}
