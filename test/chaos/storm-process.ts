import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export interface StormSettings {
  readonly httpPorts: readonly number[];
  readonly kafkaPorts: readonly number[];
  /** Connections to each port. */
  readonly connections: number;
}

/** Opens connections that send nothing, the beginning of a request, or garbage, and opens those that were closed anew, until it is killed. Says now and then how many are open. */
const settings = JSON.parse(process.argv[2] ?? '{}') as StormSettings;
const halves = {
  http: () => Buffer.from('POST /?Action=CreateProject HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nProjectName='),
  kafka: () => Buffer.from([0, 0, 16, 0, 0, 18, 0, 3]),
};
const open = new Set<Socket>();
let refused = 0;

function attack(port: number, door: keyof typeof halves, number: number): void {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('connect', () => {
    open.add(socket);
    if (number % 3 === 1) socket.write(halves[door]());
    if (number % 3 === 2) socket.write(randomBytes(200));
  });
  socket.on('data', () => {});
  socket.on('error', () => {
    refused += 1;
  });
  socket.on('close', () => {
    open.delete(socket);
    // Not at once, so that those who are refused do not keep this machine busy alone.
    setTimeout(() => attack(port, door, number), 1_000);
  });
}

for (let number = 0; number < settings.connections; number += 1) {
  for (const port of settings.httpPorts) attack(port, 'http', number);
  for (const port of settings.kafkaPorts) attack(port, 'kafka', number);
  // A listening socket has a queue of its own; filling it is another matter.
  if (number % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 50));
}
process.stdout.write('ready\n');
setInterval(() => process.stdout.write(`${open.size} ${refused}\n`), 250);
process.stdin.resume().on('end', () => process.exit(0));
