import { errors } from '../text/errors.ts';

const keys = Object.keys(errors) as (keyof typeof errors)[];
const families = keys.filter((key) => key.includes('*')).map((key) => ({ key, ends: key.split('*') }));

/** What to do about a refused call in the language of the page; undefined for codes that none is written for. */
export function hintFor(code: string, language: 'en' | 'zh'): string | undefined {
  const key = keys.find((one) => one === code) ?? families.find(({ ends: [begin = '', end = ''] }) => code.startsWith(begin) && code.endsWith(end) && code.length > begin.length + end.length)?.key;
  return key === undefined ? undefined : errors[key][language === 'zh' ? 1 : 0];
}
