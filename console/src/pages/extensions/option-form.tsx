import { useId } from 'react';

/** A form of options as an extension declares it: a JSON schema whose properties name one of seven components. */

export interface Option {
  readonly name: string;
  readonly title: string;
  readonly help: string | undefined;
  readonly component: string;
  readonly multiple: boolean;
  readonly choices: readonly { readonly value: unknown; readonly label: string; readonly disabled: boolean }[];
  readonly initial: unknown;
}

type Json = Readonly<Record<string, unknown>>;

const asObject = (value: unknown): Json => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {});

/** Reads a form. Throws what is wrong with its JSON. */
export function readOptions(setting: string): Option[] {
  if (setting.trim() === '') return [];
  const properties = asObject(asObject(JSON.parse(setting))['properties']);
  return Object.entries(properties).map(([name, value]) => {
    const property = asObject(value);
    const props = asObject(property['x-component-props']);
    const source = Array.isArray(props['dataSource']) ? props['dataSource'] : [];
    return {
      name,
      title: typeof property['title'] === 'string' ? property['title'] : name,
      help: typeof asObject(property['x-decorator-props'])['tooltip'] === 'string' ? String(asObject(property['x-decorator-props'])['tooltip']) : undefined,
      component: String(property['x-component'] ?? 'Input'),
      multiple: props['mode'] === 'multiple' || property['x-component'] === 'Checkbox.Group',
      choices: source.map((entry) => ({ value: asObject(entry)['value'], label: String(asObject(entry)['label'] ?? asObject(entry)['value']), disabled: asObject(entry)['disabled'] === true })),
      initial: property['default'],
    };
  });
}

export type OptionValues = Readonly<Record<string, unknown>>;

/** The fields of the form. Values not set show the option's default. */
export function OptionFields({ options, values, change }: { options: readonly Option[]; values: OptionValues; change(name: string, value: unknown): void }) {
  return (
    <div className="wide-form">
      {options.map((option) => (
        <OptionField key={option.name} option={option} value={values[option.name] ?? option.initial} change={(value) => change(option.name, value)} />
      ))}
    </div>
  );
}

function OptionField({ option, value, change }: { option: Option; value: unknown; change(value: unknown): void }) {
  const id = useId();
  const help = option.help === undefined ? null : <p className="quiet">{option.help}</p>;
  if (option.component === 'Text') return <p>{option.title}</p>;
  if (option.component === 'Radio.Group' || option.component === 'Checkbox.Group') {
    const chosen = Array.isArray(value) ? (value as unknown[]) : [];
    return (
      <fieldset className="signer">
        <legend>{option.title}</legend>
        {option.choices.map((choice) => (
          <label key={String(choice.value)}>
            {option.multiple ? (
              <input type="checkbox" disabled={choice.disabled} checked={chosen.includes(choice.value)} onChange={(event) => change(event.target.checked ? [...chosen, choice.value] : chosen.filter((one) => one !== choice.value))} />
            ) : (
              <input type="radio" name={id} disabled={choice.disabled} checked={value === choice.value} onChange={() => change(choice.value)} />
            )}{' '}
            {choice.label}
          </label>
        ))}
        {help}
      </fieldset>
    );
  }
  return (
    <div className="parameter">
      <label htmlFor={id}>{option.title}</label>
      {option.component === 'Select' ? (
        <Choice id={id} option={option} value={value} change={change} />
      ) : option.component === 'Input.TextArea' ? (
        <textarea id={id} className="field" rows={3} value={String(value ?? '')} onChange={(event) => change(event.target.value)} />
      ) : (
        <input id={id} className="field" value={String(value ?? '')} onChange={(event) => change(event.target.value)} />
      )}
      {help}
    </div>
  );
}

function Choice({ id, option, value, change }: { id: string; option: Option; value: unknown; change(value: unknown): void }) {
  const keys = option.choices.map((choice) => String(choice.value));
  const valueOf = (key: string) => option.choices[keys.indexOf(key)]?.value;
  if (option.multiple) {
    const chosen = (Array.isArray(value) ? value : []).map(String);
    return (
      <select id={id} className="field" multiple value={chosen} onChange={(event) => change([...event.target.selectedOptions].map((one) => valueOf(one.value)))}>
        {option.choices.map((choice) => (
          <option key={String(choice.value)} value={String(choice.value)} disabled={choice.disabled}>
            {choice.label}
          </option>
        ))}
      </select>
    );
  }
  return (
    <select id={id} className="field" value={value === undefined ? '' : String(value)} onChange={(event) => change(valueOf(event.target.value))}>
      <option value="" />
      {option.choices.map((choice) => (
        <option key={String(choice.value)} value={String(choice.value)} disabled={choice.disabled}>
          {choice.label}
        </option>
      ))}
    </select>
  );
}
