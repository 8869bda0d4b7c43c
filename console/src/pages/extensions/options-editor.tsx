import { useState } from 'react';
import { useTexts } from '../../text/language.tsx';
import { extensions } from '../../text/extensions.ts';
import { OptionFields, readOptions, type Option, type OptionValues } from './option-form.tsx';

export const exampleOptions = JSON.stringify(
  {
    type: 'object',
    properties: {
      checkStatus: {
        type: 'string',
        title: 'How to react',
        default: 'FAIL',
        'x-decorator': 'FormItem',
        'x-component': 'Radio.Group',
        'x-component-props': { dataSource: [{ value: 'WARN', label: 'Warn' }, { value: 'FAIL', label: 'Block' }] },
      },
    },
  },
  null,
  2,
);

/** The JSON of an option form beside the form that it makes. */
export function OptionsEditor({ text, change }: { text: string; change(text: string): void }) {
  const t = useTexts(extensions);
  const [values, setValues] = useState<OptionValues>({});
  let options: readonly Option[] = [];
  let fault: string | undefined;
  try {
    options = readOptions(text);
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  return (
    <div className="columns">
      <div className="parameter">
        <label htmlFor="option-setting">{t('options')}</label>
        <textarea id="option-setting" className="field mono" rows={16} spellCheck={false} value={text} onChange={(event) => change(event.target.value)} aria-describedby="option-help" />
        <p className="quiet" id="option-help">
          {t('options-help')}
        </p>
      </div>
      <section className="panel" aria-label={t('preview')}>
        <h2>{t('preview')}</h2>
        {fault !== undefined ? <p className="form-failure">{t('bad-options', { message: fault })}</p> : options.length === 0 ? <p className="quiet">{t('no-options')}</p> : <OptionFields options={options} values={values} change={(name, value) => setValues((old) => ({ ...old, [name]: value }))} />}
      </section>
    </div>
  );
}
