/**
 * A checker that forbids MAX_PT. The answer to the POST is the verdict, so it needs no key and no client.
 * Run: PORT=9000 node examples/checkers/typescript/checker.ts
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Question {
  readonly title?: string;
  /** What is under decision; which branch is filled depends on the extension point. */
  readonly snapshot?: Readonly<Record<string, { readonly FileName?: string; readonly Content?: string }>>;
  /** What the workspace has chosen in the form of the extension's options. */
  readonly options?: { readonly checkStatus?: 'WARN' | 'FAIL' };
}

function check({ title, snapshot, options }: Question) {
  const files = Object.values(snapshot ?? {});
  const findings = files.flatMap((file) =>
    (file.Content ?? '').split('\n').flatMap((text, index) =>
      /\bmax_pt\s*\(/i.test(text) ? [{ object: file.FileName ?? title, line: index + 1, rule: 'MAX_PT', text: 'Name the partition, so that a rerun reads the same data.' }] : [],
    ),
  );
  if (findings.length === 0) return { checkResult: 'OK' };
  return { checkResult: options?.checkStatus ?? 'FAIL', checkMessage: `MAX_PT is called ${findings.length} times.`, findings };
}

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (part: string) => (body += part));
  request.on('end', () => {
    response.setHeader('content-type', 'application/json');
    try {
      response.end(JSON.stringify(check(JSON.parse(body) as Question)));
    } catch {
      response.writeHead(400).end('{"error":"the body is no JSON"}');
    }
  });
});

server.listen(Number(process.env['PORT'] ?? 9000), '127.0.0.1', () => {
  console.log(`checker listens on http://127.0.0.1:${(server.address() as AddressInfo).port}/check`);
});
