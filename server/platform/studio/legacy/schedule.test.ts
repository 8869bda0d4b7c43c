import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../../kernel/errors.ts';
import { nodeDocument } from '../model.ts';
import { readParaValue, writeParaValue } from '../parameters.ts';
import { fromZoned, toZoned } from '../zoned.ts';
import { fromLegacyParameters, newSpec, toNodeConfiguration, type ScheduleRequest } from './schedule.ts';

const context = { nodeId: 7, workspaceName: 'shop' };
const read = (request: ScheduleRequest, spec = newSpec(context)) => fromLegacyParameters(request, spec, context);

const everything: ScheduleRequest = {
  AdvancedSettings: '{"queue":"default"}',
  ApplyScheduleImmediately: true,
  AutoParsing: true,
  AutoRerunIntervalMillis: 60_000,
  AutoRerunTimes: 3,
  ConnectionName: 'odps_first',
  CronExpress: '00 30 02 * * ?',
  CycleType: 'NOT_DAY',
  DependentNodeIdList: '11,12',
  DependentType: 'USER_DEFINE_AND_SELF',
  EndEffectDate: 1_900_000_000_000,
  FileDescription: 'a file',
  IgnoreParentSkipRunningProperty: true,
  ImageId: 'image-1',
  InputList: 'shop_root,shop.other_out',
  InputParameters: '[{"ParameterName":"in","ValueSource":"shop.other_out:day"}]',
  OutputList: 'shop.extra',
  OutputParameters: '[{"ParameterName":"day","Type":"1","Value":"monday","Description":"a day"}]',
  ParaValue: 'a=1 day=$[yyyymmdd hh24:mi:ss] b=$bizdate',
  RerunMode: 'FAILURE_ALLOWED',
  ResourceGroupId: 42,
  SchedulerType: 'SKIP',
  StartEffectDate: 1_700_000_000_000,
  StartImmediately: true,
  Timeout: 5,
};

describe('the schedule of the legacy dialect', () => {
  it('comes back as it was sent, with every field', () => {
    const answer = toNodeConfiguration(read(everything));
    assert.deepEqual(answer, {
      ApplyScheduleImmediately: 'true',
      AutoRerunIntervalMillis: 60_000,
      AutoRerunTimes: 3,
      CronExpress: '00 30 02 * * ?',
      CycleType: 'NOT_DAY',
      DependentNodeIdList: '11,12',
      DependentType: 'USER_DEFINE_AND_SELF',
      EndEffectDate: 1_900_000_000_000,
      IgnoreParentSkipRunningProperty: 'true',
      ImageId: 'image-1',
      InputList: [
        { Input: 'shop_root', ParseType: 'MANUAL' },
        { Input: 'shop.other_out', ParseType: 'MANUAL' },
      ],
      InputParameters: [{ ParameterName: 'in', ValueSource: 'shop.other_out:day' }],
      OutputList: [
        { Output: 'shop.7_out', RefTableName: '' },
        { Output: 'shop.extra', RefTableName: '' },
      ],
      OutputParameters: [{ ParameterName: 'day', Type: '1', Value: 'monday', Description: 'a day' }],
      ParaValue: everything.ParaValue,
      RerunMode: 'FAILURE_ALLOWED',
      ResourceGroupId: 42,
      SchedulerType: 'SKIP',
      StartEffectDate: 1_700_000_000_000,
      StartImmediately: true,
      Stop: false,
      Timeout: 5,
    });
  });

  it('leaves alone what a request does not name', () => {
    const spec = read(everything);
    assert.deepEqual(read({}, spec), spec);
    assert.deepEqual(toNodeConfiguration(read({ CronExpress: '00 00 01 * * ?' }, spec)), { ...toNodeConfiguration(spec), CronExpress: '00 00 01 * * ?' });
  });

  it('knows every kind of schedule, dependency and rerun', () => {
    for (const type of ['NORMAL', 'MANUAL', 'PAUSE', 'SKIP']) assert.equal(toNodeConfiguration(read({ SchedulerType: type })).SchedulerType, type);
    for (const mode of ['ALL_ALLOWED', 'FAILURE_ALLOWED', 'ALL_DENIED']) assert.equal(toNodeConfiguration(read({ RerunMode: mode })).RerunMode, mode);
    for (const type of ['NONE', 'SELF', 'CHILD', 'CHILD_AND_SELF']) assert.equal(toNodeConfiguration(read({ DependentType: type })).DependentType, type);
    for (const type of ['USER_DEFINE', 'USER_DEFINE_AND_SELF']) {
      const answer = toNodeConfiguration(read({ DependentType: type, DependentNodeIdList: '5' }));
      assert.deepEqual([answer.DependentType, answer.DependentNodeIdList], [type, '5']);
    }
    const paused = read({ Stop: true });
    assert.equal(toNodeConfiguration(paused).Stop, true);
    assert.equal(toNodeConfiguration(read({ Stop: false }, paused)).SchedulerType, 'NORMAL');
  });

  it('refuses what makes no sense', () => {
    const bad: ScheduleRequest[] = [
      { CronExpress: '0 5 * * *' },
      { CronExpress: 'a b c d e f;' },
      { RerunMode: 'SOMETIMES' },
      { CycleType: 'toString' },
      { SchedulerType: '' },
      { DependentType: 'USER_DEFINE' },
      { DependentNodeIdList: 'x' },
      { AutoRerunTimes: -1 },
      { AutoRerunTimes: 11 },
      { Timeout: 1_000 },
      { StartEffectDate: -1 },
      { EndEffectDate: 1e18 },
      { InputParameters: '{' },
      { InputParameters: '{}' },
      { InputParameters: '[{"ValueSource":"x"}]' },
      { OutputParameters: '[{"ParameterName":"x","Type":"9"}]' },
      { OutputParameters: '[null]' },
      { ParaValue: 'a=\u0000' },
    ];
    for (const request of bad) assert.throws(() => read(request), (error) => error instanceof ApiError && error.entry === 'InvalidParameter', JSON.stringify(request));
  });

  it('states every upstream among the dependencies of the FlowSpec document', () => {
    const spec = read({ InputList: 'shop_root', DependentType: 'SELF' });
    const document = nodeDocument({ id: 7, command: 'DIDE_SHELL', file_type: 6 }, { name: 'load', owner_id: 2, spec }, 'a/b');
    assert.equal(document['id'], '7');
    assert.deepEqual(document['dependencies'], [
      { type: 'Normal', output: 'shop_root' },
      { type: 'CrossCycleDependsOnSelf', nodeId: '7' },
    ]);
    const script = document['script'] as Record<string, unknown>;
    assert.equal(script['path'], 'a/b/load');
    assert.deepEqual(script['runtime'], { command: 'DIDE_SHELL', commandTypeId: 6 });
  });

  it('reads parameters as pairs, or as one text', () => {
    for (const text of ['', 'a=1', 'a=1 b=$[yyyy mm] c=${x y}', 'no pairs here', 'a=1 loose', 'a==b']) assert.equal(writeParaValue(readParaValue(text)), text);
    assert.deepEqual(
      readParaValue('a=1  b=$bizdate').map(({ name, type, value }) => [name, type, value]),
      [
        ['a', 'Constant', '1'],
        ['b', 'System', '$bizdate'],
      ],
    );
    assert.equal(readParaValue('loose a=1')[0]?.type, 'NoKvVariableExpression');
  });

  it('writes moments on the clock of a zone, and reads them back', () => {
    for (const zone of ['Asia/Shanghai', 'UTC', 'Europe/Berlin', 'America/New_York']) {
      for (const moment of [0, 1_711_000_000_000, 1_790_000_000_000, 253_402_271_999_000]) assert.equal(fromZoned(toZoned(new Date(moment), zone), zone)?.getTime(), moment, `${zone} ${moment}`);
    }
    assert.equal(toZoned(new Date(0)), '1970-01-01 08:00:00');
    assert.equal(fromZoned('tomorrow'), undefined);
  });
});
