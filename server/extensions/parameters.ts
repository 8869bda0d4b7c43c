import { eventByCode } from '../../contract/events.ts';
import { invalid } from '../kernel/errors.ts';

/** What the parameter text of an extension says about where it works. Keys that Millrace does not know are the extension's own. */
export interface ExtensionParameters {
  /** True where the extension does not work: switched off for all events of the workspace, or for this event. */
  isDisabled(workspaceId: number, eventCode: string): boolean;
  /** True when the extension checks files of the type at the point. Without a line for the point every type is checked. */
  checksFileType(fileType: number | undefined, eventCode: string): boolean;
  /** Whether a person may pass its checks by hand. */
  readonly manualPass: boolean;
}

/** Lines `key=value`; of a repeated key the last one counts. Blank lines do not matter. Lines without `=` are skipped, as `checkParameterText` keeps them out. */
export function readParameters(text: string): ExtensionParameters {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  const lists = (key: string, workspaceId: number) =>
    [key, `${key}.append`].some((name) => (values.get(name) ?? '').split(',').some((id) => id.trim() === String(workspaceId)));

  return {
    isDisabled: (workspaceId, eventCode) => lists('extension.project.disabled', workspaceId) || lists(`extension.project.${eventCode}.disabled`, workspaceId),
    checksFileType(fileType, eventCode) {
      const only = [...values].flatMap(([key, value]) => {
        const match = FILE_TYPE_KEY.exec(key);
        return match !== null && match[2] === eventCode && value === 'true' ? [Number(match[1])] : [];
      });
      return only.length === 0 || (fileType !== undefined && only.includes(fileType));
    },
    manualPass: values.get('extension.manualPass.enabled') === 'true',
  };
}

const FILE_TYPE_KEY = /^extension\.fileType\.(\d+)\.(.+)\.enabled$/;
const PROJECT_KEY = /^extension\.project\.(?:(.+)\.)?disabled(?:\.append)?$/;

/** Refuses text that would not mean what its writer thinks: a line without `=`, an unknown event code, a workspace id that is no number. */
export function checkParameterText(text: string): void {
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '') return;
    const reason = faultOf(line);
    if (reason !== undefined) throw invalid('ParameterSetting', `line ${index + 1}: ${reason}`);
  });
}

function faultOf(line: string): string | undefined {
  const at = line.indexOf('=');
  if (at < 0) return 'it has no =, the form is key=value.';
  const key = line.slice(0, at).trim();
  const value = line.slice(at + 1).trim();
  if (key === '' || /\s/.test(key)) return 'the key is empty or has blanks.';
  if (key.startsWith('extension.project.')) {
    const match = PROJECT_KEY.exec(key);
    if (match === null) return `${key} is not known; write extension.project.disabled or extension.project.<eventCode>.disabled, with .append to add.`;
    if (match[1] !== undefined && !isPoint(match[1])) return `${match[1]} is not an extension point.`;
    if (value !== '' && !value.split(',').every((id) => /^\s*\d+\s*$/.test(id))) return 'the value must be workspace ids with commas between them.';
  } else if (key.startsWith('extension.fileType.')) {
    const match = FILE_TYPE_KEY.exec(key);
    if (match === null) return `${key} is not known; write extension.fileType.<number>.<eventCode>.enabled.`;
    if (!isPoint(match[2] ?? '')) return `${match[2]} is not an extension point.`;
    if (!isSwitch(value)) return 'the value must be true or false.';
  } else if (key.startsWith('extension.manualPass.')) {
    if (key !== 'extension.manualPass.enabled') return `${key} is not known; write extension.manualPass.enabled.`;
    if (!isSwitch(value)) return 'the value must be true or false.';
  }
  return undefined;
}

function isPoint(code: string): boolean {
  return eventByCode.get(code)?.class === 'X';
}

function isSwitch(value: string): boolean {
  return value === 'true' || value === 'false';
}
