import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from './extensions.fixture.ts';
import { checkOptionSetting, checkOptionValue, optionsInForce } from './options.ts';
import { checkParameterText, readParameters } from './parameters.ts';
import { canonicalJson, hashText } from './snapshot.ts';

test('workspaces are excluded for all events or for one, and append adds', () => {
  const read = readParameters(
    'extension.project.disabled=1,2\nextension.project.disabled.append=3\r\nextension.project.commit-file.disabled = 4 , 5\nextension.project.commit-file.disabled.append=6\n\nmine=1',
  );
  const disabled = (code: string) => [1, 2, 3, 4, 5, 6, 7].filter((id) => read.isDisabled(id, code));
  assert.deepEqual(disabled('commit-file'), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(disabled('deploy-file'), [1, 2, 3]);
});

test('append works without what it adds to, and of a repeated key the last line counts', () => {
  const read = readParameters('extension.project.disabled.append=9\nextension.project.disabled=1\nextension.project.disabled=2');
  assert.deepEqual([1, 2, 9].map((id) => read.isDisabled(id, 'commit-file')), [false, true, true]);
});

test('one enabled file type for an event limits it to those listed; other events stay open', () => {
  const read = readParameters('extension.fileType.10.commit-file.enabled=true\nextension.fileType.24.commit-file.enabled=true\nextension.fileType.6.commit-file.enabled=false');
  assert.deepEqual([10, 24, 6, undefined].map((type) => read.checksFileType(type, 'commit-file')), [true, true, false, false]);
  assert.equal(read.checksFileType(6, 'deploy-file'), true);
  assert.equal(readParameters('extension.fileType.6.commit-file.enabled=false').checksFileType(10, 'commit-file'), true);
});

test('passing by hand is off unless a line says true', () => {
  assert.equal(readParameters('').manualPass, false);
  assert.equal(readParameters('extension.manualPass.enabled=true\nextension.manualPass.enabled=false').manualPass, false);
  assert.equal(readParameters('extension.manualPass.enabled=true').manualPass, true);
});

test('parameter text that would not mean what it says is refused with its line', () => {
  checkParameterText('\nextension.project.disabled=1,2\nextension.fileType.10.start-diJob.enabled=true\nanything.of.mine=a=b\nextension.other=x');
  const faults: [string, RegExp][] = [
    ['a=1\nnonsense', /line 2: it has no =/],
    ['a b=1', /blanks/],
    ['=1', /key is empty/],
    ['extension.project.disabled=one', /workspace ids/],
    ['extension.project.nothing.disabled=1', /nothing is not an extension point/],
    ['extension.project.instance-status-changes.disabled=1', /not an extension point/],
    ['extension.project.disable=1', /is not known/],
    ['extension.fileType.sql.commit-file.enabled=true', /is not known/],
    ['extension.fileType.10.commit-file.enabled=yes', /true or false/],
    ['extension.manualPass.enable=true', /is not known/],
  ];
  for (const [text, reason] of faults) assert.throws(() => checkParameterText(text), refusal('InvalidParameter', reason), text);
});

const form = JSON.stringify({
  type: 'object',
  properties: {
    checkStatus: {
      type: 'number',
      title: 'What to do',
      default: 'WARN',
      'x-decorator': 'FormItem',
      'x-component': 'Radio.Group',
      'x-component-props': { dataSource: [{ value: 'WARN', label: 'Warn' }, { value: 'FAIL', label: 'Block' }] },
    },
    tables: { type: 'string', 'x-component': 'Input.TextArea' },
  },
});

test('an option form is checked, and a fault is told with its place', () => {
  checkOptionSetting('');
  checkOptionSetting(form);
  const faults: [string, RegExp][] = [
    ['[]', /JSON object/],
    ['{', /JSON object/],
    ['{"type":"array"}', /type must be "object"/],
    ['{"type":"object"}', /properties must be an object/],
    ['{"type":"object","properties":{"a":1}}', /properties\.a must be an object/],
    ['{"type":"object","properties":{"a":{"x-component":"Slider"}}}', /properties\.a\.x-component must be one of/],
    ['{"type":"object","properties":{"a":{"x-component":"Select","x-decorator":"Card"}}}', /properties\.a\.x-decorator/],
    ['{"type":"object","properties":{"a":{"x-component":"Select","x-component-props":{"dataSource":["x"]}}}}', /properties\.a\.x-component-props\.dataSource/],
  ];
  for (const [text, reason] of faults) assert.throws(() => checkOptionSetting(text), refusal('InvalidParameter', reason), text);
});

test('option values must fit the form, and defaults fill what is not set', () => {
  assert.deepEqual(checkOptionValue('{"checkStatus":"FAIL"}', form), { checkStatus: 'FAIL' });
  assert.throws(() => checkOptionValue('{"checkStatus":"MAYBE"}', form), refusal('InvalidParameter', /must be one of/));
  assert.throws(() => checkOptionValue('{"toString":1}', form), refusal('InvalidParameter', /no option toString/));
  assert.throws(() => checkOptionValue('3', form), refusal('InvalidParameter'));
  assert.deepEqual(optionsInForce({ tables: 'a' }, form), { checkStatus: 'WARN', tables: 'a' });
  assert.deepEqual(optionsInForce(null, ''), {});
});

test('all seven components of a form are known, and each takes the values that it can show', () => {
  const entries = { dataSource: [{ value: 'a', label: 'A' }, { value: 'b', label: 'B' }, { value: 'c', label: 'C', disabled: true }] };
  const property = (component: string, props?: object) => ({ type: 'string', title: component, 'x-decorator': 'FormItem', 'x-component': component, 'x-decorator-props': { tooltip: 'help' }, ...(props === undefined ? {} : { 'x-component-props': props }) });
  const setting = JSON.stringify({
    type: 'object',
    properties: {
      text: property('PreviewText.Input'),
      line: property('Input'),
      lines: property('Input.TextArea'),
      one: property('Select', entries),
      some: property('Select', { ...entries, mode: 'multiple' }),
      boxes: property('Checkbox.Group', entries),
      radio: property('Radio.Group', entries),
    },
  });
  checkOptionSetting(setting);
  const values = { line: 'x', lines: 'x\ny', one: 'a', some: ['a', 'b'], boxes: [], radio: 'b' };
  assert.deepEqual(checkOptionValue(JSON.stringify(values), setting), values);
  const faults: [object, RegExp][] = [
    [{ text: 'x' }, /only shows text/],
    [{ line: ['x'] }, /text or a number/],
    [{ one: ['a'] }, /must be one value/],
    [{ some: 'a' }, /must be a list/],
    [{ boxes: ['z'] }, /must be one of/],
    [{ radio: 'c' }, /disabled/],
  ];
  for (const [given, reason] of faults) assert.throws(() => checkOptionValue(JSON.stringify(given), setting), refusal('InvalidParameter', reason), JSON.stringify(given));
  const form = (props: object) => JSON.stringify({ type: 'object', properties: { a: property('Radio.Group', props) } });
  assert.throws(() => checkOptionSetting(form({})), refusal('InvalidParameter', /dataSource is missing/));
  assert.throws(() => checkOptionSetting(form({ ...entries, mode: 'multiple' })), refusal('InvalidParameter', /mode may only be/));
});

test('equal content has one hash, whatever the order of its keys', () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: undefined }], a: null }), '{"a":null,"b":[{"d":1}]}');
  assert.equal(hashText(canonicalJson({ x: 1, y: 2 })), hashText(canonicalJson({ y: 2, x: 1 })));
  assert.match(hashText('{}'), /^[0-9a-f]{64}$/);
});
