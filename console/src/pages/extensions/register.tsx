import { Button, Steps } from 'antd';
import { useMemo, useState, type FormEvent } from 'react';
import { own } from '../../api/contract.ts';
import { useRead, useWrite } from '../../api/queries.ts';
import { goTo } from '../../app/router.tsx';
import { useSession } from '../../app/session.tsx';
import { ActionButton } from '../../parts/action.tsx';
import { CodeBlock } from '../../parts/copy.tsx';
import { describe } from '../../parts/describe.ts';
import { FormFields, initialValues, listOf, textOf, type Field, type FormValues } from '../../parts/form-dialog.tsx';
import { PageHead, Panel } from '../../parts/page.tsx';
import { useWorkspaces } from '../../parts/workspaces.tsx';
import { common } from '../../text/common.ts';
import { eventNames } from '../../text/event-types.ts';
import { extensions } from '../../text/extensions.ts';
import { useNames, useTexts } from '../../text/language.tsx';
import { extensionFields, extensionRequest } from './fields.ts';
import { exampleOptions, OptionsEditor } from './options-editor.tsx';
import { SigningSecret } from './signing-secret.tsx';

const steps = ['mode', 'points', 'details', 'options', 'confirm'] as const;
const modes = ['service', 'http', 'function', 'rule', 'person'] as const;
type Mode = (typeof modes)[number];

/** How each mode reaches the verdict, on the wire. */
const invocations = { service: 'EVENT', http: 'HTTP', function: 'FUNCTION', rule: 'RULE', person: 'EVENT' } as const satisfies Record<Mode, string>;

const manualPass = 'extension.manualPass.enabled=true';

export default function Register() {
  const t = useTexts(extensions);
  const c = useTexts(common);
  const eventName = useNames(eventNames);
  const session = useSession();
  const { list } = useWorkspaces();
  const types = useRead(own, 'ListEventTypes', { Class: 'X' });
  const create = useWrite(own, 'CreateExtension');
  const [step, setStep] = useState(0);
  const [mode, setMode] = useState<Mode>('service');
  const [changed, setChanged] = useState<FormValues>({});
  const [options, setOptions] = useState('');
  const [failure, setFailure] = useState<string>();
  /** A program that is asked directly has a secret to verify with, which is told once. */
  const [made, setMade] = useState<{ readonly code: string; readonly secret: string }>();
  const pointField = useMemo<readonly Field[]>(
    () => [{ name: 'points', label: t('points'), kind: 'many', required: true, help: t('points-help'), choices: (types.data?.EventTypes ?? []).map((one) => ({ value: one.EventCode ?? '', label: `${one.EventCode} · ${eventName(one.EventCode, one.Name)}` })) }],
    [t, eventName, types.data],
  );
  const fields = useMemo(() => extensionFields(t, c, list, {}), [t, c, list]);
  const targetFields = useMemo<readonly Field[]>(() => {
    if (mode === 'rule') return [{ name: 'target', label: t('target-rule'), kind: 'code', required: true }];
    if (mode !== 'http' && mode !== 'function') return [];
    return [
      { name: 'target', label: t('target-address'), required: true, placeholder: 'https://' },
      { name: 'token', label: t('require-token'), kind: 'yes-no' },
    ];
  }, [mode, t]);
  const values: FormValues = { ...initialValues([...pointField, ...fields, ...targetFields]), ...changed };
  const change = (name: string, value: FormValues[string]) => setChanged((old) => ({ ...old, [name]: value }));
  const request = { ...extensionRequest(values), Invocation: invocations[mode], Target: textOf(values, 'target'), RequireToken: values['token'] === true ? true : undefined, BindEventList: listOf(values, 'points'), OptionSetting: options.trim() === '' ? undefined : options };

  async function next(event: FormEvent): Promise<void> {
    event.preventDefault();
    setFailure(undefined);
    if (steps[step] === 'points' && request.BindEventList.length === 0) {
      setFailure(c('required', { name: t('points') }));
      return;
    }
    if (steps[step] === 'mode' && mode === 'person' && textOf(values, 'parameters') === undefined) change('parameters', manualPass);
    if (step < steps.length - 1) {
      setStep(step + 1);
      return;
    }
    try {
      const answer = await create.mutateAsync(request);
      if (answer.SigningSecret === undefined) goTo(`/extensions/list/${answer.ExtensionCode}`);
      else setMade({ code: answer.ExtensionCode ?? '', secret: answer.SigningSecret });
    } catch (error) {
      setFailure(describe(error));
    }
  }

  return (
    <>
      <PageHead title={t('register')} from={{ to: '/extensions/list', title: t('list') }} />
      <Panel>
        <Steps current={step} size="small" items={steps.map((name) => ({ title: t(`step-${name}`) }))} />
        <form className="wide-form step-form" onSubmit={(event) => void next(event)}>
          {steps[step] === 'mode' ? (
            <fieldset className="signer">
              <legend>{t('step-mode')}</legend>
              {modes.map((one) => (
                <label key={one}>
                  <input type="radio" name="mode" checked={mode === one} onChange={() => setMode(one)} /> <strong>{t(`mode-${one}`)}</strong>
                  <p className="quiet">{t(`mode-${one}-text`)}</p>
                </label>
              ))}
              <FormFields fields={targetFields} values={values} change={change} />
            </fieldset>
          ) : null}
          {steps[step] === 'points' ? <FormFields fields={pointField} values={values} change={change} /> : null}
          {steps[step] === 'details' ? <FormFields fields={fields} values={values} change={change} /> : null}
          {steps[step] === 'options' ? (
            <>
              <OptionsEditor text={options} change={setOptions} />
              <p>
                <button type="button" className="linkish" onClick={() => setOptions(exampleOptions)}>
                  {t('insert-example')}
                </button>
              </p>
            </>
          ) : null}
          {steps[step] === 'confirm' ? <CodeBlock title="CreateExtension" text={JSON.stringify(request, null, 2)} /> : null}
          {failure === undefined ? null : (
            <p className="form-failure" role="alert">
              {failure}
            </p>
          )}
          <div className="page-actions">
            {step === 0 ? null : <Button onClick={() => setStep(step - 1)}>{c('back')}</Button>}
            <ActionButton type="primary" htmlType="submit" loading={create.isPending} reason={session.may('write-open-platform') ? undefined : c('needs-platform')}>
              {step === steps.length - 1 ? t('register') : c('next')}
            </ActionButton>
          </div>
        </form>
      </Panel>
      {made === undefined ? null : <SigningSecret title={t('register')} secret={made.secret} close={() => goTo(`/extensions/list/${made.code}`)} />}
    </>
  );
}
