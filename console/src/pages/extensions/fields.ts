import type { Field, FormValues } from '../../parts/form-dialog.tsx';
import { numberOf, textOf } from '../../parts/form-dialog.tsx';
import type { common } from '../../text/common.ts';
import type { extensions } from '../../text/extensions.ts';
import type { Translate } from '../../text/language.tsx';
import type { Workspace } from '../../parts/workspaces.tsx';

export interface ExtensionFacts {
  readonly ExtensionName?: string | undefined;
  readonly ExtensionDesc?: string | undefined;
  readonly ProjectTesting?: number | undefined;
  readonly DetailUrl?: string | undefined;
  readonly HelpDocUrl?: string | undefined;
  readonly ParameterSetting?: string | undefined;
}

const outcomes = ['OK', 'WARN', 'FAIL'] as const;

/** The fields of an extension beside its points and options. */
export function extensionFields(t: Translate<typeof extensions>, c: Translate<typeof common>, workspaces: readonly Workspace[], facts: ExtensionFacts): readonly Field[] {
  return [
    { name: 'name', label: c('name'), required: true, maxLength: 128, initial: facts.ExtensionName },
    { name: 'description', label: c('description'), kind: 'long', maxLength: 1024, initial: facts.ExtensionDesc },
    { name: 'testing', label: t('test-workspace'), kind: 'one', help: t('test-workspace-help'), initial: facts.ProjectTesting === undefined ? '' : String(facts.ProjectTesting), choices: [{ value: '', label: '–' }, ...workspaces.map((one) => ({ value: String(one.Id), label: one.Name ?? '' }))] },
    { name: 'detail', label: t('detail-url'), help: t('detail-url-help'), maxLength: 2048, initial: facts.DetailUrl },
    { name: 'help', label: t('help-url'), maxLength: 2048, initial: facts.HelpDocUrl },
    { name: 'deadline', label: t('deadline'), kind: 'number', help: t('deadline-help') },
    { name: 'outcome', label: t('deadline-outcome'), kind: 'one', choices: [{ value: '', label: '–' }, ...outcomes.map((one) => ({ value: one, label: one }))] },
    { name: 'parameters', label: t('parameters'), kind: 'code', help: t('parameters-help'), maxLength: 16_384, initial: facts.ParameterSetting },
  ];
}

/** The fields as a request; empty ones are not sent. */
export function extensionRequest(values: FormValues) {
  return {
    ExtensionName: textOf(values, 'name') ?? '',
    ExtensionDesc: textOf(values, 'description'),
    ProjectTesting: numberOf(values, 'testing'),
    DetailUrl: textOf(values, 'detail'),
    HelpDocUrl: textOf(values, 'help'),
    DeadlineSeconds: numberOf(values, 'deadline'),
    DeadlineOutcome: outcomes.find((one) => one === values['outcome']),
    ParameterSetting: textOf(values, 'parameters'),
  };
}
