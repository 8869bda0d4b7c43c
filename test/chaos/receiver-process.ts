import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { verdictOf } from './verdict.ts';
import { inTurn, sender } from './writers.ts';

/** What a receiver is told. */
export interface ReceiverSettings {
  readonly port: number;
  /** Where it writes a line for each delivery before it answers: path and id of the event; or `verdict`, id, verdict. */
  readonly file: string;
  /** As whom it decides about held commits, and where. */
  readonly servers: readonly number[];
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly extension: string;
}

/**
 * A receiver of pushes, to be killed. On the path `/checker` it is an extension too: it decides about a held commit and calls back before it accepts the
 * delivery, so that a kill in between brings the event again.
 */
const settings = JSON.parse(process.argv[2] ?? '{}') as ReceiverSettings;
const file = openSync(settings.file, 'a');
const write = (...words: string[]) => writeSync(file, `${words.join(' ')}\n`);
const send = inTurn(settings.servers.map((port) => sender(port, settings)));

async function decide(id: string): Promise<boolean> {
  const outcome = await send('UpdateIDEEventResult', { MessageId: id, ExtensionCode: settings.extension, CheckResult: verdictOf(id), CheckResultTip: 'chaos' });
  if (outcome.kind === 'acknowledged') write('verdict', id, verdictOf(id));
  if (outcome.kind === 'refused') write('refused', id, outcome.code);
  return outcome.kind !== 'uncertain';
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const event = JSON.parse(Buffer.concat(parts).toString('utf8')) as { id: string; data: { blockBusiness?: boolean } };
    const answer = (taken: boolean) => {
      if (taken) write(request.url ?? '/', event.id);
      response.writeHead(taken ? 204 : 503).end();
    };
    if (request.url !== '/checker' || event.data.blockBusiness !== true) return answer(true);
    decide(event.id).then(answer, () => answer(false));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(settings.port, '127.0.0.1', () => process.stdout.write('ready\n'));
process.stdin.resume().on('end', () => process.exit(0));
