import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import * as fc from 'fast-check';
import { ApiError } from '../../server/kernel/errors.ts';
import { createGuard } from '../../server/kernel/outbound-guard.ts';
import { createOutbound, OutboundError } from '../../server/kernel/outbound.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
let trap: Server;
let trapped = 0;
before(async () => {
  house = await startTestHouse();
  trap = createServer((socket) => {
    trapped += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  trap.close();
  await house.stop();
});

const PRIVATE: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.168.0.0', 16],
  ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
];
const number = (text: string) => text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
const privateAddress = fc.constantFrom(...PRIVATE).chain(([base, bits]) => fc.nat(2 ** (32 - bits) - 1).map((offset) => number(base) + offset));
const octets = (value: number) => [24, 16, 8, 0].map((shift) => (value / 2 ** shift) & 255);
const hex = (value: number) => value.toString(16).padStart(4, '0');

/** The spellings that a URL may have for one IPv4 address, and IPv6 addresses that lead to it. */
const spellings: readonly ((value: number) => string)[] = [
  (value) => octets(value).join('.'),
  (value) => String(value),
  (value) => `0x${value.toString(16)}`,
  (value) => `0${value.toString(8)}`,
  (value) => octets(value).map((octet) => `0x${octet.toString(16)}`).join('.'),
  (value) => octets(value).map((octet) => `0${octet.toString(8)}`).join('.'),
  (value) => `${octets(value)[0]}.${value % 2 ** 24}`,
  (value) => `${octets(value).join('.')}.`,
  (value) => octets(value).join('%2e'),
  (value) => octets(value).join('。'),
  (value) => `[::ffff:${octets(value).join('.')}]`,
  (value) => `[::ffff:${hex(value >>> 16)}:${hex(value & 0xffff)}]`,
  (value) => `[::${octets(value).join('.')}]`,
  (value) => `[64:ff9b::${octets(value).join('.')}]`,
  (value) => `[2002:${hex(value >>> 16)}:${hex(value & 0xffff)}::1]`,
];

test('a private address is refused in every spelling, and with everything around it', () => {
  const outbound = createOutbound({ allowLoopback: false, allowed: [] });
  const around = fc.record({ scheme: fc.constantFrom('http', 'https', 'HTTP'), port: fc.constantFrom('', ':80', ':8443'), rest: fc.constantFrom('', '/', '/hook?x=1', '/#fragment', '\\@example.com/') });
  fc.assert(
    fc.property(privateAddress, fc.constantFrom(...spellings), around, (value, spell, { scheme, port, rest }) => {
      const url = `${scheme}://${spell(value)}${port}${rest}`;
      assert.throws(() => outbound.checkTarget(url), (error) => error instanceof ApiError && error.entry === 'TargetForbidden', url);
    }),
    { numRuns: 2_000 },
  );
});

test('a name that leads to a private address is refused at the connection, whichever of its addresses it is', async () => {
  await fc.assert(
    fc.asyncProperty(privateAddress, fc.boolean(), async (value, mapped) => {
      const address = octets(value).join('.');
      const outbound = createOutbound({ allowLoopback: false, allowed: [], lookup: async () => [{ address: mapped ? `::ffff:${address}` : address, family: mapped ? 6 : 4 }] });
      await assert.rejects(outbound.request({ method: 'POST', url: 'http://inside.example/', timeoutMs: 2_000 }), (error) => error instanceof OutboundError && error.stage === 'forbidden');
      await outbound.close();
    }),
    { numRuns: 100 },
  );
});

test('no setting opens the services that hand out credentials', () => {
  fc.assert(
    fc.property(fc.constantFrom('169.254.169.254', '100.100.100.200', 'fd00:ec2::254', '::ffff:169.254.169.254', '2002:a9fe:a9fe::', '64:ff9b::a9fe:a9fe'), fc.array(fc.constantFrom('0.0.0.0/0', '::/0', '169.254.169.254', '169.254.169.254/32', 'metadata.example', 'metadata.example:80', 'fd00::/8', '100.100.100.200')), fc.boolean(), (address, allowed, allowLoopback) => {
      assert.notEqual(createGuard({ allowLoopback, allowed }).refuse(address, 'metadata.example', 80), undefined);
    }),
  );
});

/** Every operation that takes an address for the server to call, with what else it needs. A new one belongs here. */
const TAKERS: readonly (readonly [action: string, parameter: string, others: Readonly<Record<string, string | number>>])[] = [
  ['CreateSubscription', 'Url', { Name: 'inside' }],
  ['CreateRuleTarget', 'Url', { TargetName: 'inside' }],
  ['CreateExtension', 'Target', { ExtensionCode: 'inside', ExtensionName: 'inside', Invocation: 'HTTP', BindEventList: '["commit-file"]' }],
];

test('operations that take an address refuse those inside, and call nobody to find out', async () => {
  await house.call('2026-12-01', 'CreateEventBus', { EventBusName: 'inside' });
  const { RuleId } = await house.call('2026-12-01', 'CreateEventRule', { EventBusName: 'inside', RuleName: 'inside', EventPattern: '{}' });
  // Loopback is open in a test; everything else inside is not.
  const addresses = ['http://10.0.0.1/', 'http://169.254.169.254/latest/meta-data/', 'http://0xa9fea9fe/', 'http://[::ffff:192.168.0.1]/', 'http://[fd00:ec2::254]/', 'http://user:word@example.com/', `ftp://127.0.0.1:${(trap.address() as AddressInfo).port}/`, 'file:///etc/passwd', 'gopher://10.0.0.1/', 'javascript:alert(1)', 'http://', 'http://10.0.0.1:99999/'];
  for (const [action, parameter, others] of TAKERS) {
    for (const url of addresses) {
      await assert.rejects(house.call('2026-12-01', action, { ...others, ...(action === 'CreateRuleTarget' ? { RuleId: Number(RuleId) } : {}), [parameter]: url }), (error: Error) => error.message.startsWith(`${action}:`) && !/internal|unexpected/i.test(error.message), `${action} ${url}`);
    }
  }
  assert.equal(trapped, 0);
  const left = await house.database.row<{ count: number }>(`select (select count(*) from subscription where name = 'inside') + (select count(*) from extension where code = 'inside') as count`);
  assert.equal(left?.count, 0);
});
