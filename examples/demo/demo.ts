import { playStory } from './story.ts';

/** Plays the story against a running server and prints it. See `examples/README.md`. */
async function main(): Promise<void> {
  const url = process.env['MILLRACE_URL'] || 'http://127.0.0.1:8080';
  const accessKeyId = process.env['MILLRACE_ACCESS_KEY_ID'];
  const accessKeySecret = process.env['MILLRACE_ACCESS_KEY_SECRET'];
  if (!accessKeyId || !accessKeySecret) {
    throw new Error('Set MILLRACE_ACCESS_KEY_ID and MILLRACE_ACCESS_KEY_SECRET to the AccessKey pair that the first `npm start` printed.');
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new Error(`MILLRACE_URL must be an address such as http://127.0.0.1:8080, not ${url}.`);
  await checkServer(url);
  process.stdout.write(`The demo plays against ${url}.\n\n`);
  const result = await playStory({ url, accessKeyId, accessKeySecret, say: (line) => void process.stdout.write(`${line}\n`) });
  const asTold = !result.blocked.succeeded && result.committed.succeeded && result.deployed.succeeded && result.instanceStatus === 'SUCCESS';
  if (!asTold) throw new Error('The story did not go as told above.');
  process.stdout.write(`\nThat was all. The workspace ${result.projectId} stays for you to look at.\n`);
}

async function checkServer(url: string): Promise<void> {
  const answer = await fetch(new URL('/readyz', url)).catch(() => undefined);
  if (answer === undefined) throw new Error(`There is no server at ${url}. Start it with \`npm start\`, or name it by MILLRACE_URL.`);
  if (!answer.ok) throw new Error(`The server at ${url} is not ready (status ${answer.status}).`);
}

try {
  await main();
} catch (error) {
  const { code, message } = error as { code?: string; message?: string };
  process.stderr.write(`${message ?? String(error)}${code === 'InvalidAccessKeyId.NotFound' ? ' Use the AccessKey pair of this server.' : ''}\n`);
  process.exitCode = 1;
}
