import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { setCircumstances } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { fill, type Catalogue, type Language } from './catalogue.ts';

const storageKey = 'millrace.language';

interface LanguageState {
  readonly language: Language;
  setLanguage(language: Language): void;
}

const LanguageContext = createContext<LanguageState>({ language: 'en', setLanguage() {} });

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => {
    const stored = localStorage.getItem(storageKey);
    if (stored === 'en' || stored === 'zh') return stored;
    return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
  });
  const asked = useRef(language);
  setCircumstances({ language });
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
    localStorage.setItem(storageKey, language);
    // What the server has said so far, it said in the other language.
    if (asked.current !== language) void queryClient.invalidateQueries();
    asked.current = language;
  }, [language]);
  const state = useMemo(() => ({ language, setLanguage }), [language]);
  return <LanguageContext value={state}>{children}</LanguageContext>;
}

export function useLanguage(): LanguageState {
  return useContext(LanguageContext);
}

export type Translate<C extends Catalogue> = (key: keyof C & string, values?: Readonly<Record<string, string | number>>) => string;

/** The texts of a catalogue in the language of the moment. */
export function useTexts<C extends Catalogue>(catalogue: C): Translate<C> {
  const { language } = useLanguage();
  return useMemo(() => {
    const place = language === 'zh' ? 1 : 0;
    return (key, values) => {
      const text = catalogue[key]?.[place] ?? key;
      return values === undefined ? text : fill(text, values);
    };
  }, [catalogue, language]);
}

/** Names of things that the server may have more of than the console knows: what is not in the catalogue is called as the server calls it, or else by its key. */
export function useNames(catalogue: Catalogue): (key: string | undefined, otherwise?: string) => string {
  const { language } = useLanguage();
  return useMemo(() => {
    const place = language === 'zh' ? 1 : 0;
    return (key = '', otherwise = key) => (Object.hasOwn(catalogue, key) ? catalogue[key]?.[place] : undefined) ?? otherwise;
  }, [catalogue, language]);
}

/** Numbers and moments as the language writes them. */
export function useFormats() {
  const { language } = useLanguage();
  return useMemo(() => {
    const locale = language === 'zh' ? 'zh-CN' : 'en-GB';
    // The longer Chinese form, with the words for year, month and day, is too wide for a column.
    const dateStyle = language === 'zh' ? 'short' : 'medium';
    const moment = new Intl.DateTimeFormat(locale, { dateStyle, timeStyle: 'medium' });
    const day = new Intl.DateTimeFormat(locale, { dateStyle });
    const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
    const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
    return {
      time: (value: number | undefined) => (value === undefined || value === 0 ? '–' : moment.format(value)),
      day: (value: number | undefined) => (value === undefined || value === 0 ? '–' : day.format(value)),
      clock: (value: number) => clock.format(value),
      number: (value: number | undefined) => (value === undefined ? '–' : number.format(value)),
      /** A length of time in milliseconds, as people say it. */
      span: (value: number | undefined) => {
        const [ms, seconds, minutes, hours] = language === 'zh' ? ['毫秒', '秒', '分', '小时'] : ['ms', 's', 'min', 'h'];
        if (value === undefined) return '–';
        if (value < 1_000) return `${number.format(value)} ${ms}`;
        if (value < 60_000) return `${number.format(value / 1_000)} ${seconds}`;
        if (value < 3_600_000) return `${Math.floor(value / 60_000)} ${minutes} ${Math.round((value % 60_000) / 1_000)} ${seconds}`;
        return `${Math.floor(value / 3_600_000)} ${hours} ${Math.round((value % 3_600_000) / 60_000)} ${minutes}`;
      },
    };
  }, [language]);
}
