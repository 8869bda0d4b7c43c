import { faultCodes, isList, isObject, keyPath, textOf, type Fault, type JsonObject, type JsonValue } from './json.ts';
import { fieldName } from './references.ts';
import { entityOf, type EntityName, type Shape } from './schema.ts';

/** Holds a body against the schema. Each value is looked at once. */

/** Faults that are told at once; a document with more is not read further. */
export const MOST_FAULTS = 50;

function article(shape: Shape): string {
  if (typeof shape === 'string') return { text: 'a text', integer: 'a whole number', boolean: 'true or false', map: 'an object', any: 'anything' }[shape];
  if ('one' in shape) return `one of ${shape.one.join(', ')}`;
  return 'list' in shape ? 'a list' : 'entity' in shape ? 'an object' : 'an object or a reference';
}

function scalarFits(value: JsonValue, shape: Shape): boolean {
  if (shape === 'any') return true;
  if (shape === 'map') return isObject(value);
  if (shape === 'text') return textOf(value) !== undefined;
  if (shape === 'integer') return (typeof value === 'number' && Number.isSafeInteger(value)) || (typeof value === 'string' && /^-?\d{1,15}$/.test(value));
  return typeof value === 'boolean' || value === 'true' || value === 'false';
}

const isBad = (text: string) => text.includes('\u0000') || !text.isWellFormed();

function hasBadText(value: JsonValue): boolean {
  if (typeof value === 'string') return isBad(value);
  if (isList(value)) return value.some(hasBadText);
  return isObject(value) && Object.entries(value).some(([key, item]) => isBad(key) || hasBadText(item ?? null));
}

/** Adds a fault for every text, of a value or a key, that the database cannot hold. */
export function checkTexts(value: JsonValue, path: string, faults: Fault[]): void {
  // Nearly always there is none, and then no place has to be told.
  if (hasBadText(value)) locateBadTexts(value, path, faults);
}

function locateBadTexts(value: JsonValue, path: string, faults: Fault[]): void {
  if (faults.length >= MOST_FAULTS) return;
  const refuse = (at: string) => faults.push({ path: at, code: faultCodes.validate, message: 'it contains a character that is not allowed' });
  if (typeof value === 'string') {
    if (isBad(value)) refuse(path);
  } else if (isList(value)) value.forEach((item, at) => locateBadTexts(item, `${path}[${at}]`, faults));
  else if (isObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (isBad(key)) refuse(path);
      else locateBadTexts(item ?? null, keyPath(path, key), faults);
    }
  }
}

/** Six fields: second, minute, hour, day of month, month, day of week. The scheduler reads them; here only the form is looked at. */
const CRON = /^\s*([0-9A-Za-z*?/,#-]+\s+){5,6}[0-9A-Za-z*?/,#-]+\s*$/;

export function createValidator(faults: Fault[], creating: boolean): (value: JsonValue, shape: Shape, path: string) => void {
  const add = (path: string, code: string, message: string) => {
    if (faults.length < MOST_FAULTS) faults.push({ path, code, message });
  };

  function check(value: JsonValue, shape: Shape, path: string): void {
    if (faults.length >= MOST_FAULTS || value === null) return;
    if (typeof shape === 'string') {
      if (!scalarFits(value, shape)) add(path, faultCodes.validate, `it must be ${article(shape)}`);
    } else if ('one' in shape) {
      if (typeof value !== 'string' || !shape.one.includes(value)) add(path, faultCodes.enumeration, `it must be ${article(shape)}`);
    } else if ('list' in shape) {
      if (!isList(value)) add(path, faultCodes.validate, `it must be ${article(shape)}`);
      else value.forEach((item, at) => (item === null && shape.list !== 'any' ? add(`${path}[${at}]`, faultCodes.validate, 'a list may not hold null') : check(item, shape.list, `${path}[${at}]`)));
    } else if (!('ref' in shape && typeof value === 'string')) {
      if (isObject(value)) checkEntity(value, 'ref' in shape ? shape.ref : shape.entity, path);
      else add(path, faultCodes.validate, `it must be ${article(shape)}`);
    }
  }

  function checkEntity(value: JsonObject, name: EntityName, path: string): void {
    const { fields, needed = [], neededAtCreation = [], spellings } = entityOf(name);
    for (const field of creating ? [...needed, ...neededAtCreation] : needed) {
      if ((value[field] ?? null) === null) add(keyPath(path, field), faultCodes.validate, 'it is needed');
    }
    for (const [key, item] of Object.entries(value)) {
      const field = fieldName(spellings, key);
      const shape = Object.hasOwn(fields, field) ? fields[field] : undefined;
      // Names of fields are plain words.
      if (shape !== undefined && item !== undefined) check(item, shape, path === '' ? key : `${path}.${key}`);
    }
    if (name === 'Trigger') checkTrigger(value, path);
    if (name === 'Body') checkIds(value, path);
  }

  function checkTrigger(value: JsonObject, path: string): void {
    const { cron } = value;
    const empty = typeof cron !== 'string' || cron.trim() === '';
    if (creating && value['type'] === 'Scheduler' && empty) add(keyPath(path, 'cron'), faultCodes.validate, 'a trigger of the type Scheduler needs it');
    if (typeof cron === 'string' && !empty && !CRON.test(cron)) add(keyPath(path, 'cron'), faultCodes.validate, 'it must have six fields: second, minute, hour, day of month, month, day of week; a seventh, the year, may follow');
  }

  /** Two of one type must not have one id. */
  function checkIds(body: JsonObject, path: string): void {
    for (const [key, list] of Object.entries(body)) {
      if (!isList(list)) continue;
      const seen = new Set<string>();
      list.forEach((item, at) => {
        const id = isObject(item) ? textOf(item['id']) : undefined;
        if (id === undefined) return;
        if (seen.has(id)) add(`${keyPath(path, key)}[${at}].id`, faultCodes.duplicateId, `another of the ${key} has the id ${id.slice(0, 200)}`);
        seen.add(id);
      });
    }
  }

  return check;
}
