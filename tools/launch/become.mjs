// Handing over to another program: by replacing this process where Node can, else as a child that shares everything.
import { readFileSync } from 'node:fs';

/**
 * Runs `program` with the standard streams of this process and ends with its exit code or signal. Where Node offers
 * `process.execve` (the usual case: npm puts the carried Node 24 first on PATH once it is installed) this process is
 * replaced, so that signals reach the program with nobody in between. Does not return.
 */
export async function become(program, args, env) {
  if (typeof process.execve === 'function') process.execve(program, [program, ...args], env);
  const { spawn } = await import('node:child_process');
  const child = spawn(program, args, { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) forward(signal, child);
  child.once('error', (error) => {
    process.stderr.write(`${program} cannot be started: ${error.message}\n`);
    process.exit(1);
  });
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function forward(signal, child) {
  let last = -Infinity;
  process.on(signal, () => {
    // npm passes a signal on that the terminal has already sent to everybody: two within a second are one.
    const repeated = Date.now() - last < 1000;
    last = Date.now();
    // A key press reaches the whole foreground group, so the child has got it by itself.
    if (repeated || (signal !== 'SIGTERM' && inForeground())) return;
    child.kill(signal);
  });
}

/** Whether this process is in the foreground group of a terminal, to which Ctrl-C is delivered as a whole. */
function inForeground() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 1).trim().split(' ');
    return group === foreground;
  } catch {
    return process.stdin.isTTY === true;
  }
}
