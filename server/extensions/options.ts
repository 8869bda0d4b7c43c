import { invalid } from '../kernel/errors.ts';

type Json = Readonly<Record<string, unknown>>;

/** Components of an option form. `Select` is the single and, with `mode: multiple`, the multiple choice: seven in all. `PreviewText.Input` only shows text. */
const components = ['PreviewText.Input', 'Input', 'Input.TextArea', 'Select', 'Checkbox.Group', 'Radio.Group'];
/** Those whose value is one or several of the entries in `x-component-props.dataSource`. */
const choices = new Set(['Select', 'Checkbox.Group', 'Radio.Group']);

/** Checks the form that an extension wants filled in: a JSON schema of type object, each property with a known component. Empty text is no form. */
export function checkOptionSetting(text: string): void {
  if (text === '') return;
  const refuse = (place: string, reason: string): never => {
    throw invalid('OptionSetting', `${place} ${reason}`);
  };
  const schema = parseObject(text) ?? refuse('the text', 'must be a JSON object.');
  if (schema['type'] !== 'object') refuse('type', 'must be "object".');
  const properties = asObject(schema['properties']) ?? refuse('properties', 'must be an object.');
  for (const [name, value] of Object.entries(properties)) {
    const place = `properties.${name}`;
    const property = asObject(value) ?? refuse(place, 'must be an object.');
    if (property['title'] !== undefined && typeof property['title'] !== 'string') refuse(`${place}.title`, 'must be text.');
    if (property['x-decorator'] !== undefined && property['x-decorator'] !== 'FormItem') refuse(`${place}.x-decorator`, 'must be "FormItem".');
    const component = property['x-component'];
    if (typeof component !== 'string' || !components.includes(component)) refuse(`${place}.x-component`, `must be one of ${components.join(', ')}.`);
    const props = property['x-component-props'];
    if (props !== undefined && asObject(props) === undefined) refuse(`${place}.x-component-props`, 'must be an object.');
    const source = asObject(props)?.['dataSource'];
    if (source !== undefined && !(Array.isArray(source) && source.every((entry) => asObject(entry)?.['value'] !== undefined))) {
      refuse(`${place}.x-component-props.dataSource`, 'must be a list of objects with a value.');
    }
    if (choices.has(component as string) && source === undefined) refuse(`${place}.x-component-props.dataSource`, 'is missing: a choice needs its entries.');
    const mode = asObject(props)?.['mode'];
    if (mode !== undefined && (mode !== 'multiple' || component !== 'Select')) refuse(`${place}.x-component-props.mode`, 'may only be "multiple", for a Select.');
  }
}

/** Checks the values that a workspace sets against the form, and answers them parsed. A value of a choice must be one that the form offers. */
export function checkOptionValue(text: string, setting: string): Json {
  const values = parseObject(text);
  if (values === undefined) throw invalid('OptionValue', 'it must be a JSON object.');
  if (setting === '') return values;
  const properties = asObject(parseObject(setting)?.['properties']) ?? {};
  for (const [name, value] of Object.entries(values)) {
    const property = Object.hasOwn(properties, name) ? asObject(properties[name]) : undefined;
    if (property === undefined) throw invalid('OptionValue', `the form has no option ${name}.`);
    const component = String(property['x-component']);
    const props = asObject(property['x-component-props']);
    const source = props?.['dataSource'];
    if (component === 'PreviewText.Input') throw invalid('OptionValue', `the option ${name} only shows text and takes no value.`);
    if (!choices.has(component) || !Array.isArray(source)) {
      if (typeof value !== 'string' && typeof value !== 'number') throw invalid('OptionValue', `the option ${name} must be text or a number.`);
      continue;
    }
    const several = component === 'Checkbox.Group' || props?.['mode'] === 'multiple';
    if (Array.isArray(value) !== several) throw invalid('OptionValue', `the option ${name} must be ${several ? 'a list' : 'one value'}.`);
    if (source.some((entry) => asObject(entry)?.['disabled'] === true && (Array.isArray(value) ? value : [value]).includes(asObject(entry)?.['value']))) {
      throw invalid('OptionValue', `the option ${name} names an entry that is disabled.`);
    }
    const offered = source.map((entry) => asObject(entry)?.['value']);
    for (const chosen of Array.isArray(value) ? value : [value]) {
      if (!offered.includes(chosen)) throw invalid('OptionValue', `the option ${name} must be one of ${JSON.stringify(offered)}.`);
    }
  }
  return values;
}

/** The values in force: those set, and the defaults of the form for the others. */
export function optionsInForce(set: Json | null, setting: string): Json {
  const properties = asObject(parseObject(setting)?.['properties']) ?? {};
  const defaults = Object.entries(properties).flatMap(([name, property]) => {
    const value = asObject(property)?.['default'];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(defaults), ...set };
}

function parseObject(text: string): Json | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}
