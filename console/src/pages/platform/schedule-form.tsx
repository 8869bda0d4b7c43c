import { useMemo, useState, type FormEvent } from 'react';
import { legacy } from '../../api/contract.ts';
import { useWrite } from '../../api/queries.ts';
import { ActionButton } from '../../parts/action.tsx';
import { describe } from '../../parts/describe.ts';
import { FormFields, initialValues, textOf, type Field, type FormValues } from '../../parts/form-dialog.tsx';
import { tell } from '../../parts/toast.tsx';
import { common } from '../../text/common.ts';
import { useTexts } from '../../text/language.tsx';
import { platform } from '../../text/platform.ts';
import type { FileAnswer } from './file-workbench.tsx';

const rerunModes = ['ALL_ALLOWED', 'FAILURE_ALLOWED', 'ALL_DENIED'] as const;

/** When a file's node runs, after what, and with which parameters. */
export function Schedule({ workspace, fileId, data, reason }: { workspace: number; fileId: number; data: FileAnswer; reason: string | undefined }) {
  const t = useTexts(platform);
  const c = useTexts(common);
  const update = useWrite(legacy, 'UpdateFile');
  const settings = data.NodeConfiguration ?? {};
  const fields = useMemo<readonly Field[]>(
    () => [
      { name: 'parameters', label: t('parameters'), help: t('parameters-help'), initial: settings.ParaValue },
      { name: 'cron', label: t('cron'), initial: settings.CronExpress, placeholder: '00 30 00 * * ?' },
      { name: 'inputs', label: t('inputs'), help: t('inputs-help'), initial: (settings.InputList ?? []).map((one) => one.Input).join(',') },
      { name: 'outputs', label: t('outputs'), help: t('inputs-help'), initial: (settings.OutputList ?? []).map((one) => one.Output).join(',') },
      { name: 'rerun', label: t('rerun'), kind: 'one', initial: settings.RerunMode ?? 'ALL_ALLOWED', choices: rerunModes.map((one) => ({ value: one, label: t(`rerun-${one}`) })) },
    ],
    [t, settings],
  );
  const [values, setValues] = useState<FormValues>(() => initialValues(fields));
  const [failure, setFailure] = useState<string>();
  async function save(event: FormEvent): Promise<void> {
    event.preventDefault();
    setFailure(undefined);
    try {
      await update.mutateAsync({
        ProjectId: workspace,
        FileId: fileId,
        ParaValue: textOf(values, 'parameters') ?? '',
        CronExpress: textOf(values, 'cron'),
        InputList: textOf(values, 'inputs'),
        OutputList: textOf(values, 'outputs'),
        RerunMode: textOf(values, 'rerun'),
      });
      tell(c('saved'));
    } catch (error) {
      setFailure(describe(error));
    }
  }
  return (
    <form className="wide-form" onSubmit={(event) => void save(event)}>
      <FormFields fields={fields} values={values} change={(name, value) => setValues((old) => ({ ...old, [name]: value }))} />
      {failure === undefined ? null : (
        <p className="form-failure" role="alert">
          {failure}
        </p>
      )}
      <p>
        <ActionButton type="primary" htmlType="submit" reason={reason} loading={update.isPending}>
          {c('save')}
        </ActionButton>
      </p>
    </form>
  );
}
