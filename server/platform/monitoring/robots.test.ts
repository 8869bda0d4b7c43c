import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerFault } from './robots.ts';

test('a robot that answers 200 may still have refused', () => {
  const answer = (body: object) => ({ status: 200, text: JSON.stringify(body) });
  assert.equal(answerFault('DingdingUrl', answer({ errcode: 0, errmsg: 'ok' })), undefined);
  assert.match(answerFault('DingdingUrl', answer({ errcode: 310000, errmsg: 'keywords not in content' })) ?? '', /310000: keywords/);
  assert.match(answerFault('FeishuUrl', answer({ code: 9499, msg: 'Bad Request' })) ?? '', /9499/);
  assert.equal(answerFault('FeishuUrl', answer({ StatusCode: 0, StatusMessage: 'success' })), undefined);
  assert.match(answerFault('WeixinUrl', answer({ errcode: 93000 })) ?? '', /93000/);
  assert.equal(answerFault('WebhookUrl', { status: 204, text: '' }), undefined);
  assert.equal(answerFault('WebhookUrl', answer({ errcode: 7 })), undefined);
  assert.equal(answerFault('WeixinUrl', { status: 502, text: '<html>' }), 'it answered 502');
});
