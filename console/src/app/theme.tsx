import { ConfigProvider, theme as antTheme, type ThemeConfig } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useLanguage } from '../text/language.tsx';

export type Appearance = 'light' | 'dark';

interface AppearanceState {
  readonly appearance: Appearance;
  setAppearance(appearance: Appearance): void;
}

const AppearanceContext = createContext<AppearanceState>({ appearance: 'light', setAppearance() {} });
const storageKey = 'millrace.appearance';

const fontFamily = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif";

const motion = !window.matchMedia('(prefers-reduced-motion: reduce)').matches;

// Greys are darker than the library's own, which fall short of a contrast of 4.5 for small text.
const light: ThemeConfig = {
  algorithm: antTheme.defaultAlgorithm,
  token: {
    colorPrimary: '#0b6e69',
    // As the page's own soft accent: what is derived from a dark colour is grey.
    colorPrimaryBg: '#e3f1ef',
    colorPrimaryBgHover: '#d3e8e5',
    // The ring of the field in focus stays as strong as it is without these.
    controlOutline: 'rgb(11 110 105 / 45%)',
    colorLink: '#0b6e69',
    colorSuccess: '#1f7a34',
    colorError: '#c02626',
    colorWarning: '#9a5b00',
    colorTextPlaceholder: '#6b7480',
    colorTextDescription: '#5a636e',
    colorTextTertiary: '#5a636e',
    colorTextSecondary: '#49525d',
    borderRadius: 6,
    fontFamily,
    motion,
  },
};
const dark: ThemeConfig = {
  algorithm: antTheme.darkAlgorithm,
  token: {
    colorPrimary: '#0f857e',
    colorLink: '#5fd0c7',
    colorLinkHover: '#8be3dc',
    colorBgBase: '#11161b',
    // As the page's own papers and lines: those derived from the ground are bluish.
    colorBgContainer: '#171d23',
    colorBgElevated: '#1d252c',
    colorBorder: '#3a4650',
    colorBorderSecondary: '#2f3942',
    colorError: '#ff9189',
    colorTextPlaceholder: '#97a1ad',
    colorTextDescription: '#a5afba',
    colorTextTertiary: '#a5afba',
    colorTextSecondary: '#b9c2cc',
    borderRadius: 6,
    fontFamily,
    motion,
  },
  components: { Table: { headerBg: '#1d252c', rowHoverBg: '#1b2329' }, Button: { colorPrimary: '#0b6e69', colorPrimaryHover: '#0f857e' } },
};

export function AppearanceProvider({ children }: { children: ReactNode }) {
  const { language } = useLanguage();
  const [appearance, setAppearance] = useState<Appearance>(() => {
    const stored = localStorage.getItem(storageKey);
    if (stored === 'light' || stored === 'dark') return stored;
    return window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  });
  useEffect(() => {
    document.documentElement.dataset['appearance'] = appearance;
    document.documentElement.style.colorScheme = appearance;
    localStorage.setItem(storageKey, appearance);
  }, [appearance]);
  const state = useMemo(() => ({ appearance, setAppearance }), [appearance]);
  return (
    <AppearanceContext value={state}>
      <ConfigProvider theme={appearance === 'dark' ? dark : light} locale={language === 'zh' ? zhCN : enUS} button={{ autoInsertSpace: false }}>
        {children}
      </ConfigProvider>
    </AppearanceContext>
  );
}

export function useAppearance(): AppearanceState {
  return useContext(AppearanceContext);
}
