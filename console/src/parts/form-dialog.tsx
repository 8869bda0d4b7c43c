import { Modal, Select } from 'antd';
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { common } from '../text/common.ts';
import { useTexts } from '../text/language.tsx';
import { describe } from './describe.ts';

/** What a field holds: text for most, several texts for `many`, a switch for `yes-no`. */
export type FieldValue = string | readonly string[] | boolean;
export type FormValues = Readonly<Record<string, FieldValue>>;

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly kind?: 'text' | 'long' | 'code' | 'number' | 'password' | 'one' | 'many' | 'yes-no' | 'moment';
  readonly choices?: readonly Choice[];
  readonly required?: boolean;
  readonly help?: string | undefined;
  readonly initial?: FieldValue | undefined;
  readonly maxLength?: number;
  readonly placeholder?: string;
}

interface FormDialogProps {
  title: string;
  /** The fields; as a function when what is asked for depends on what was answered. */
  fields: readonly Field[] | ((values: FormValues) => readonly Field[]);
  submitText: string;
  /** Rejects with the reason, which is shown in the dialog; the dialog stays open then. */
  submit(values: FormValues): Promise<unknown>;
  close(): void;
  /** Above the fields; as a function when it shows something of what was answered. */
  children?: ReactNode | ((values: FormValues) => ReactNode);
  width?: number;
  /** Success does not close the dialog; its owner shows something else then. */
  keepOpen?: boolean;
}

/** A dialog with a form made from its fields. */
export function FormDialog({ title, fields, submitText, submit, close, children, width = 560, keepOpen }: FormDialogProps) {
  const t = useTexts(common);
  const id = useId();
  const [given, setGiven] = useState<FormValues>({});
  const fieldsNow = typeof fields === 'function' ? fields(given) : fields;
  const values: FormValues = { ...initialValues(fieldsNow), ...given };
  const [failure, setFailure] = useState<string>();
  const [busy, setBusy] = useState(false);

  async function onSubmit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    try {
      await submit(values);
      if (keepOpen !== true) close();
    } catch (error) {
      setFailure(describe(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <Modal open title={title} width={width} onCancel={close} okText={submitText} cancelText={t('cancel')} okButtonProps={{ htmlType: 'submit', form: id, loading: busy }} destroyOnHidden>
      <form id={id} className="dialog-form" onSubmit={(event) => void onSubmit(event)}>
        {typeof children === 'function' ? children(values) : children}
        <FormFields fields={fieldsNow} values={values} change={(name, value) => setGiven((old) => ({ ...old, [name]: value }))} />
        {failure === undefined ? null : (
          <p className="form-failure" role="alert">
            {failure}
          </p>
        )}
      </form>
    </Modal>
  );
}

export function initialValues(fields: readonly Field[]): FormValues {
  return Object.fromEntries(fields.map((field) => [field.name, field.initial ?? (field.kind === 'many' ? [] : field.kind === 'yes-no' ? false : '')]));
}

/** A value as text, trimmed; undefined when there is none, which is what a request wants. */
export function textOf(values: FormValues, name: string): string | undefined {
  const value = values[name];
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' ? undefined : text;
}

export function numberOf(values: FormValues, name: string): number | undefined {
  const text = textOf(values, name);
  return text === undefined ? undefined : Number(text);
}

export function listOf(values: FormValues, name: string): string[] {
  const value = values[name];
  return Array.isArray(value) ? [...(value as readonly string[])] : [];
}

export function FormFields({ fields, values, change }: { fields: readonly Field[]; values: FormValues; change(name: string, value: FieldValue): void }) {
  return (
    <>
      {fields.map((field) => (
        <OneField key={field.name} field={field} value={values[field.name] ?? ''} change={(value) => change(field.name, value)} />
      ))}
    </>
  );
}

function OneField({ field, value, change }: { field: Field; value: FieldValue; change(value: FieldValue): void }) {
  const id = useId();
  const help = field.help === undefined ? null : (
    <p className="quiet" id={`${id}-help`}>
      {field.help}
    </p>
  );
  if (field.kind === 'yes-no') {
    return (
      <div className="parameter">
        <label className="check">
          <input type="checkbox" checked={value === true} onChange={(event) => change(event.target.checked)} name={field.name} /> {field.label}
        </label>
        {help}
      </div>
    );
  }
  return (
    <div className="parameter">
      <label htmlFor={id}>
        {field.label}
        {field.required === true ? (
          <span className="required-mark" aria-hidden="true">
            *
          </span>
        ) : null}
      </label>
      <Control field={field} id={id} value={value} change={change} />
      {help}
    </div>
  );
}

function Control({ field, id, value, change }: { field: Field; id: string; value: FieldValue; change(value: FieldValue): void }) {
  const text = typeof value === 'string' ? value : '';
  const shared = { id, name: field.name, required: field.required === true, className: 'field', 'aria-describedby': field.help === undefined ? undefined : `${id}-help` };
  switch (field.kind) {
    case 'many':
      return <Select id={id} mode="multiple" value={Array.isArray(value) ? [...value] : []} options={(field.choices ?? []).map((choice) => ({ ...choice }))} onChange={(next: string[]) => change(next)} optionFilterProp="label" aria-label={field.label} style={{ width: '100%' }} />;
    case 'one':
      return (
        <select {...shared} value={text} onChange={(event) => change(event.target.value)}>
          {(field.choices ?? []).map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      );
    case 'long':
    case 'code':
      return <textarea {...shared} className={field.kind === 'code' ? 'field mono' : 'field'} rows={field.kind === 'code' ? 8 : 3} spellCheck={field.kind === 'long'} maxLength={field.maxLength} placeholder={field.placeholder} value={text} onChange={(event) => change(event.target.value)} />;
    default:
      return (
        <input
          {...shared}
          type={field.kind === 'password' ? 'password' : field.kind === 'number' ? 'number' : field.kind === 'moment' ? 'datetime-local' : 'text'}
          autoComplete={field.kind === 'password' ? 'new-password' : 'off'}
          maxLength={field.maxLength}
          placeholder={field.placeholder}
          value={text}
          onChange={(event) => change(event.target.value)}
        />
      );
  }
}
