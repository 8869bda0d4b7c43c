import { useMemo, useState, type FormEvent } from 'react';
import { callRaw, CallError, type RawAnswer } from '../../api/client.ts';
import type { ApiDocument, DocumentedOperation, DocumentedParameter } from '../../api/document.ts';
import { canSign, signCall, type SigningKey } from '../../api/sign.ts';
import { CodeBlock } from '../../parts/copy.tsx';
import { Panel, Tag } from '../../parts/page.tsx';
import { useFormats, useTexts } from '../../text/language.tsx';
import { openapi } from '../../text/openapi.ts';
import { DryRunResult, readDryRun } from './dry-run.tsx';
import { ParameterField } from './parameter-field.tsx';
import { SameCall } from './same-call.tsx';
import { exampleOf } from './shape.ts';

type Values = Readonly<Record<string, string>>;

/** What the fields hold as wire parameters. Empty fields are not sent. */
export function wireParameters(values: Values): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));
}

/** Whether a parameter is more than one scalar, and so is written as JSON. */
export function isStructured(parameter: DocumentedParameter, resolve: ApiDocument['resolve']): boolean {
  const { type } = resolve(parameter.schema);
  return (type === 'array' || type === 'object') && !parameter.joined;
}

export function OperationForm({ document, operation }: { document: ApiDocument; operation: DocumentedOperation }) {
  const t = useTexts(openapi);
  const { span } = useFormats();
  const [values, setValues] = useState<Values>({});
  const [signer, setSigner] = useState<'session' | 'key'>('session');
  const [key, setKey] = useState<SigningKey>({ accessKeyId: '', accessKeySecret: '' });
  const [answer, setAnswer] = useState<RawAnswer>();
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);
  const [dryRun, setDryRun] = useState(false);
  const offersDryRun = operation.write && !operation.sessionOnly;
  // It stands as a choice of its own below the fields.
  const fields = operation.parameters.filter(({ name }) => !offersDryRun || name !== 'DryRun');
  const parameters = useMemo(() => ({ ...wireParameters(values), ...(offersDryRun && dryRun ? { DryRun: 'true' } : {}) }), [values, offersDryRun, dryRun]);
  const rehearsed = answer === undefined || answer.status >= 400 ? undefined : readDryRun(answer.body);

  async function send(event: FormEvent): Promise<void> {
    event.preventDefault();
    setFailure(undefined);
    for (const parameter of operation.parameters) {
      const text = values[parameter.name] ?? '';
      if (text !== '' && isStructured(parameter, document.resolve) && !isJson(text)) {
        setFailure(t('bad-json', { name: parameter.name }));
        return;
      }
    }
    setBusy(true);
    try {
      setAnswer(signer === 'session' ? await callRaw(`${operation.product}/${operation.version}`, operation.action, parameters) : await callSigned(operation, key, parameters));
    } catch (error) {
      setFailure(error instanceof CallError ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="explorer-work">
      <Panel>
        <p>
          {operation.implemented ? null : <Tag tone="warn">{t('not-built-tag')}</Tag>} {operation.deprecated ? <Tag tone="warn">{t('deprecated')}</Tag> : null}{' '}
          <Tag tone={operation.write ? 'busy' : 'plain'}>{operation.write ? t('write') : t('read')}</Tag> <span className="quiet mono">{`${operation.product} ${operation.version}`}</span>
        </p>
        {operation.summary === '' ? null : <p className="operation-summary">{operation.summary}</p>}
        <form className="operation-form" onSubmit={(event) => void send(event)}>
          {fields.length === 0 ? <p className="quiet">{t('no-parameters')}</p> : null}
          {fields.map((parameter) => (
            <ParameterField
              key={parameter.name}
              parameter={parameter}
              schema={document.resolve(parameter.schema)}
              structured={isStructured(parameter, document.resolve)}
              value={values[parameter.name] ?? ''}
              onChange={(value) => setValues((old) => ({ ...old, [parameter.name]: value }))}
            />
          ))}
          <Signer signer={signer} setSigner={setSigner} keyPair={key} setKey={setKey} sessionOnly={operation.sessionOnly} />
          {offersDryRun ? (
            <div className="parameter">
              <label className="check">
                <input type="checkbox" name="dry-run" checked={dryRun} onChange={(event) => setDryRun(event.target.checked)} /> {t('dry-run')}
              </label>
              <p className="quiet">{t('dry-run-help')}</p>
            </div>
          ) : null}
          {failure === undefined ? null : (
            <p className="form-failure" role="alert">
              {failure}
            </p>
          )}
          <p>
            <button type="submit" className="primary-button" disabled={busy}>
              {t('send')}
            </button>{' '}
            {operation.write ? <span className="quiet">{offersDryRun && dryRun ? t('dry-run-note') : t('write-note')}</span> : null}
          </p>
        </form>
      </Panel>
      {rehearsed === undefined ? null : <DryRunResult result={rehearsed} />}
      {answer === undefined ? null : (
        <Panel title={t('answer')}>
          <p role="status">
            <Tag tone={answer.status < 400 ? 'good' : answer.status < 500 ? 'warn' : 'bad'}>{t('answer-status', { status: answer.status, time: span(answer.milliseconds) })}</Tag>
          </p>
          <CodeBlock title="application/json" text={JSON.stringify(answer.body, null, 2)} />
        </Panel>
      )}
      <SameCall operation={operation} parameters={parameters} keyPair={key} />
      {operation.response === undefined ? null : (
        <Panel title={t('response-shape')}>
          <details>
            <summary>{t('response-shape')}</summary>
            <CodeBlock title="application/json" text={JSON.stringify(exampleOf(operation.response, document.resolve), null, 2)} />
          </details>
        </Panel>
      )}
    </div>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Sends a call through the signed door, as any program would. */
async function callSigned(operation: DocumentedOperation, key: SigningKey, parameters: Record<string, string>): Promise<RawAnswer> {
  const request = await signCall(window.location.origin, key, { ...operation, parameters }, { now: new Date(), nonce: crypto.randomUUID() });
  const started = performance.now();
  const response = await fetch(request.url, { method: request.method, headers: { ...request.headers }, body: request.body, credentials: 'omit' });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, headers: [...response.headers], body, milliseconds: performance.now() - started };
}

interface SignerProps {
  signer: 'session' | 'key';
  setSigner(signer: 'session' | 'key'): void;
  keyPair: SigningKey;
  setKey(key: SigningKey): void;
  sessionOnly: boolean;
}

function Signer({ signer, setSigner, keyPair, setKey, sessionOnly }: SignerProps) {
  const t = useTexts(openapi);
  return (
    <fieldset className="signer">
      <legend>{t('send-with')}</legend>
      <label>
        <input type="radio" name="signer" checked={signer === 'session'} onChange={() => setSigner('session')} /> {t('with-session')}
      </label>
      <label>
        <input type="radio" name="signer" checked={signer === 'key'} disabled={sessionOnly || !canSign()} onChange={() => setSigner('key')} /> {t('with-key')}
      </label>
      {canSign() ? null : <p className="quiet">{t('key-insecure')}</p>}
      {signer === 'key' ? (
        <div className="filters">
          <label>
            {t('key-id')}
            <input value={keyPair.accessKeyId} onChange={(event) => setKey({ ...keyPair, accessKeyId: event.target.value.trim() })} autoComplete="off" required />
          </label>
          <label>
            {t('key-secret')}
            <input type="password" value={keyPair.accessKeySecret} onChange={(event) => setKey({ ...keyPair, accessKeySecret: event.target.value.trim() })} autoComplete="off" required />
          </label>
          <p className="quiet">{t('key-note')}</p>
        </div>
      ) : null}
    </fieldset>
  );
}

