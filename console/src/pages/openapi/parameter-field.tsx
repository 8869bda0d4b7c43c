import { useId } from 'react';
import type { DocumentedParameter, Schema } from '../../api/document.ts';
import { useTexts } from '../../text/language.tsx';
import { openapi } from '../../text/openapi.ts';

interface ParameterFieldProps {
  parameter: DocumentedParameter;
  schema: Schema;
  structured: boolean;
  value: string;
  onChange(value: string): void;
}

/** The field of one parameter, made from its schema. The value is text in every case: what goes over the wire. */
export function ParameterField({ parameter, schema, structured, value, onChange }: ParameterFieldProps) {
  const t = useTexts(openapi);
  const id = useId();
  const { description } = schema;
  return (
    <div className="parameter">
      <label htmlFor={id}>
        <span className="mono">{parameter.name}</span>
        {parameter.required ? <span aria-hidden="true" className="required-mark">*</span> : null}
        <span className="quiet"> {typeName(schema, parameter.joined)}</span>
      </label>
      <Field id={id} parameter={parameter} schema={schema} structured={structured} value={value} onChange={onChange} unset={t('unset')} describedBy={description === undefined ? undefined : `${id}-text`} />
      {description === undefined ? null : (
        <p className="quiet" id={`${id}-text`}>
          {description}
        </p>
      )}
    </div>
  );
}

function Field({ id, parameter, schema, structured, value, onChange, unset, describedBy }: ParameterFieldProps & { id: string; unset: string; describedBy: string | undefined }) {
  const shared = { id, required: parameter.required, 'aria-describedby': describedBy, className: 'field' };
  if (schema.enum !== undefined || schema.type === 'boolean') {
    const choices = schema.enum ?? ['true', 'false'];
    return (
      <select {...shared} value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{schema.default === undefined ? unset : `${unset} (${String(schema.default)})`}</option>
        {choices.map((choice) => (
          <option key={choice}>{String(choice)}</option>
        ))}
      </select>
    );
  }
  const long = structured || /^(Content|Code|Spec|.*Setting|Script)$/.test(parameter.name);
  if (long) return <textarea {...shared} className="field mono" rows={structured ? 2 : 5} value={value} spellCheck={false} onChange={(event) => onChange(event.target.value)} />;
  const numeric = schema.type === 'integer' || schema.type === 'number';
  return <input {...shared} value={value} inputMode={numeric ? 'numeric' : undefined} maxLength={schema.maxLength} placeholder={schema.default === undefined ? undefined : String(schema.default)} onChange={(event) => onChange(event.target.value)} />;
}

function typeName(schema: Schema, joined: boolean): string {
  if (joined) return 'a,b,c';
  if (schema.type === 'array' || schema.type === 'object') return `${schema.type}, JSON`;
  return schema.format ?? schema.type ?? 'any';
}
