import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../kernel/errors.ts';
import { limits } from '../kernel/limits.ts';
import type { Exchange } from './exchange.ts';
import { readParameters, textParameter } from './parameters.ts';

function exchange(rawQuery: string, contentType?: string, body: string | Buffer = ''): Exchange {
  return { method: 'POST', path: '/', rawQuery, headers: { 'content-type': contentType }, body: Buffer.from(body), sourceAddress: '127.0.0.1' };
}

function refused(entry: string, ...words: string[]): (error: unknown) => boolean {
  return (error) => error instanceof ApiError && error.entry === entry && words.every((word) => error.message.includes(word));
}

test('a parameter is found in the query before the form, and in the JSON body also as a number', () => {
  const form = readParameters(exchange('Action=A', 'application/x-www-form-urlencoded; charset=utf-8', 'Action=B&RegionId=cn-beijing'));
  assert.equal(textParameter(form, 'Action'), 'A');
  assert.equal(textParameter(form, 'RegionId'), 'cn-beijing');
  const json = readParameters(exchange('', 'application/json', '{"Version":17,"Action":["no text"]}'));
  assert.equal(textParameter(json, 'Version'), '17');
  assert.equal(textParameter(json, 'Action'), undefined);
});

test('names of the prototype are not parameters', () => {
  const json = readParameters(exchange('', 'application/json', '{"a":1}'));
  assert.equal(textParameter(json, '__proto__'), undefined);
  assert.equal(textParameter(json, 'constructor'), undefined);
});

test('what cannot be read is refused with its place', () => {
  assert.throws(() => readParameters(exchange('a=%zz')), refused('InvalidParameter', 'query'));
  assert.throws(() => readParameters(exchange('a=%ff')), refused('InvalidParameter', 'query'));
  assert.throws(() => readParameters(exchange('', 'application/x-www-form-urlencoded', Buffer.from([0x61, 0x3d, 0xff]))), refused('InvalidParameter', 'form'));
  assert.throws(() => readParameters(exchange('', 'application/json', '{"a":')), refused('InvalidRequest', 'JSON'));
  assert.throws(() => readParameters(exchange('', 'application/json', '[1]')), refused('InvalidRequest', 'object'));
  assert.throws(() => readParameters(exchange('', 'text/plain', 'hello')), refused('InvalidRequest', 'text/plain'));
  assert.throws(() => readParameters(exchange('', undefined, 'hello')), refused('InvalidRequest', '(none)'));
});

test('the named limits are kept', () => {
  assert.throws(() => readParameters(exchange(`a=${'x'.repeat(limits.requestQueryBytes.value)}`)), refused('RequestTooLarge'));
  const many = Array.from({ length: limits.requestParameters.value + 1 }, (_, at) => `a${at}=`).join('&');
  assert.throws(() => readParameters(exchange('', 'application/x-www-form-urlencoded', many)), ApiError);
  assert.throws(() => readParameters(exchange(`${'n'.repeat(limits.parameterNameCharacters.value + 1)}=1`)), ApiError);
  const deep = `{"a":${'['.repeat(limits.parameterNesting.value + 1)}${']'.repeat(limits.parameterNesting.value + 1)}}`;
  assert.throws(() => readParameters(exchange('', 'application/json', deep)), refused('InvalidRequest'));
});
