import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../kernel/errors.ts';
import { createRegions } from './regions.ts';

test('the host name chooses the region, then RegionId, then the first one', () => {
  const regions = createRegions(['cn-shanghai', 'cn-beijing']);
  assert.equal(regions.choose('dataworks.cn-beijing.aliyuncs.com', 'cn-shanghai'), 'cn-beijing');
  assert.equal(regions.choose('dataworks-vpc.cn-beijing.aliyuncs.com:443', undefined), 'cn-beijing');
  assert.equal(regions.choose('DataWorks.CN-Beijing.example.com', undefined), 'cn-beijing');
  assert.equal(regions.choose('127.0.0.1:8080', 'cn-beijing'), 'cn-beijing');
  assert.equal(regions.choose('127.0.0.1:8080', ''), 'cn-shanghai');
  assert.equal(regions.choose(undefined, undefined), 'cn-shanghai');
});

test('a region that is not here is refused, with the ones that are', () => {
  const regions = createRegions(['cn-shanghai', 'cn-beijing']);
  assert.throws(
    () => regions.choose('dataworks.eu-central-1.aliyuncs.com', undefined),
    (error) => error instanceof ApiError && error.entry === 'InvalidRegion' && error.message.includes('cn-shanghai, cn-beijing'),
  );
  assert.throws(() => regions.choose(undefined, 'x'.repeat(5_000)), ApiError);
});

test('where the operator named no regions, every name means the only one', () => {
  const regions = createRegions([]);
  assert.deepEqual(regions.names, ['cn-shanghai']);
  assert.equal(regions.choose('dataworks.eu-central-1.aliyuncs.com', 'us-west-1'), 'cn-shanghai');
});
