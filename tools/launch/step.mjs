// One long step: a program whose output is shown only if it fails, with one line that says what is done and how long it took.
import { spawn } from 'node:child_process';

const shownOnFailure = 8000;

/** Runs `program` to its end; rejects with the end of its output when it fails. */
export async function step(title, program, args, options) {
  const started = Date.now();
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  process.stdout.write(`${title} ... `);
  const ticker = process.stdout.isTTY ? setInterval(() => process.stdout.write(`\r${title} ... ${seconds()} `), 1000) : undefined;
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const passOn = (signal) => child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.once(signal, passOn);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output = (output + chunk).slice(-shownOnFailure);
    });
  }
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? null : (signal ?? `exit code ${code}`)));
  });
  clearInterval(ticker);
  for (const signal of signals) process.removeListener(signal, passOn);
  process.stdout.write(`${ticker === undefined ? '' : `\r${title} ... `}${failure === null ? seconds() : 'failed'}\n`);
  if (failure !== null) throw new Error(`${output.trimEnd()}\n${title}: ${failure}`);
}
