import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { serveConsole } from '../../server/console.ts';
import { eventually } from '../support/eventually.ts';
import { startTestHouse, type TestHouse } from '../support/house.ts';

/** A server with the built console, and a browser that looks at it. */

const root = join(import.meta.dirname, '..', '..');
const screensFolder = join(root, 'docs', 'screens');
/** So long a state may take to come: a machine for checks has two cores, and another file of tests has one of them. */
const longestMs = 40_000;

export type Language = 'en' | 'zh';

export interface ConsoleTest {
  readonly house: TestHouse;
  readonly browser: Browser;
  /** Makes a user with these tenant roles and a password. */
  user(name: string, tenantRoles?: readonly string[]): Promise<{ readonly userId: number; readonly name: string }>;
  /** Opens `path` of the console, signed in as the user; as nobody when `name` is undefined. A user's pages share cookies and cache, as the tabs of one browser do. */
  open(path: string, name: string | undefined, options?: OpenOptions): Promise<ConsolePage>;
  stop(): Promise<void>;
}

export interface OpenOptions {
  readonly language?: Language;
  readonly appearance?: 'light' | 'dark';
  readonly phone?: boolean;
  /** With cookies, settings and cache of its own, for what changes or measures them. */
  readonly alone?: boolean;
}

export interface ConsolePage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong in the page: errors of scripts, refused loads, requests to other hosts. */
  readonly faults: string[];
  /** Addresses of all requests, without the query. */
  readonly requests: Set<string>;
  goto(path: string): Promise<void>;
  close(): Promise<void>;
}

const password = 'a-long-enough-Passw0rd';

export async function startConsole(): Promise<ConsoleTest> {
  // The same build that `npm start` makes: it does nothing when the sources have not changed.
  const { buildConsole } = (await import(pathToFileURL(join(root, 'tools', 'launch', 'console.mjs')).href)) as { buildConsole(root: string, node: string, env: NodeJS.ProcessEnv): Promise<void> };
  await buildConsole(root, process.execPath, { ...process.env, PATH: join(root, 'node_modules', '.bin') + delimiter + (process.env['PATH'] ?? '') });
  const [house, browser] = await Promise.all([startTestHouse({ kafka: { host: '127.0.0.1', port: 0, advertised: undefined, tls: undefined, groups: 20 }, serve: (app) => serveConsole(app, join(root, 'console', 'dist')) }), launchBrowser()]);
  await house.call('2026-12-01', 'UpdatePlan', { Plan: 'Enterprise' });
  const shared = new Map<string, BrowserContext>();

  async function newContext(name: string | undefined, options: OpenOptions): Promise<BrowserContext> {
    const context = await browser.newContext({
      viewport: options.phone === true ? { width: 390, height: 844 } : { width: 1280, height: 800 },
      baseURL: house.url,
      locale: options.language === 'zh' ? 'zh-CN' : 'en-GB',
      timezoneId: 'Asia/Shanghai',
      colorScheme: options.appearance ?? 'light',
      reducedMotion: 'reduce',
    });
    if (name === undefined) return context;
    const isOwner = name === house.first.userName;
    const answer = await context.request.post('/api/open-platform/2026-12-01/Login', { data: { UserName: name, Password: isOwner ? house.first.password : password } });
    if (!answer.ok()) throw new Error(`signing in as ${name}: ${await answer.text()}`);
    return context;
  }

  return {
    house,
    browser,
    async user(name, tenantRoles = ['tenant_member']) {
      const answer = await house.call('2026-12-01', 'CreateUser', { UserName: name, DisplayName: name, Password: password, TenantRoles: JSON.stringify(tenantRoles) });
      return { userId: Number(answer['UserId']), name };
    },
    async open(path, name, options = {}) {
      const alone = name === undefined || options.alone === true;
      const key = JSON.stringify([name, options]);
      const context = (alone ? undefined : shared.get(key)) ?? (await newContext(name, options));
      if (!alone) shared.set(key, context);
      const opened = await watch(context, house.url, alone);
      await opened.goto(path);
      return opened;
    },
    async stop() {
      await browser.close();
      await house.stop();
    },
  };
}

async function watch(context: BrowserContext, origin: string, alone: boolean): Promise<ConsolePage> {
  const page = await context.newPage();
  page.setDefaultTimeout(longestMs);
  const faults: string[] = [];
  const requests = new Set<string>();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // A call that the gateway refuses is an answer that the page shows; the browser reports it as an error as well.
    if (message.type() === 'error' && !/status of (4\d\d|501)/.test(message.text())) faults.push(`${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol === 'blob:' || url.protocol === 'data:') return;
    if (url.origin !== origin) faults.push(`a request to ${url.origin}`);
    requests.add(url.pathname);
  });
  return {
    page,
    context,
    faults,
    requests,
    async goto(path) {
      await page.goto(`/console${path}`);
      await settled(page);
    },
    close: () => (alone ? context.close() : page.close()),
  };
}

/**
 * Waits until an expression is true in the page. It is asked from outside: the policy of the page forbids to evaluate text inside of it,
 * which is what the library's own waiting does.
 */
export async function until(page: Page, expression: string): Promise<void> {
  await soon(expression, () => page.evaluate<boolean>(expression));
}

/** Waits for a state of the server that comes by itself. What the event log tells is one: events can be read once older transactions of the same PostgreSQL have ended. */
export async function soon<Value>(what: string, condition: () => Value | Promise<Value>): Promise<Exclude<Value, undefined | null | false>> {
  return eventually(what, condition, longestMs);
}

/** Waits until the view has what it asked for. */
export async function settled(page: Page): Promise<void> {
  await until(page, "document.querySelector('.waiting') === null && document.querySelector('h1') !== null");
}

/** Keeps a picture for the documents when they are asked for (MILLRACE_SCREENS=1), since no two runs make the same ones. */
export async function screen(page: Page, name: string): Promise<void> {
  if (process.env['MILLRACE_SCREENS'] !== '1') return;
  await mkdir(screensFolder, { recursive: true });
  await page.evaluate('document.fonts.ready');
  await page.screenshot({ path: join(screensFolder, `${name}.png`), animations: 'disabled', caret: 'hide' });
}

/** The system's Chromium, or the one that the package brings where there is none. */
async function launchBrowser(): Promise<Browser> {
  const found = findChromium();
  if (found !== undefined) return await chromium.launch({ executablePath: found, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
  const { default: carried } = await import('@sparticuz/chromium');
  // Its own flags are made for another runner: one process for all tabs does not stand several windows.
  const args = carried.args.filter((flag) => flag !== '--single-process' && flag !== '--no-zygote');
  return await chromium.launch({ executablePath: await carried.executablePath(), args });
}

function findChromium(): string | undefined {
  const named = process.env['MILLRACE_TEST_CHROMIUM'];
  if (named !== undefined && named !== '') return named === 'package' ? undefined : named;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/Applications/Google Chrome.app/Contents/MacOS'];
  for (const folder of folders) for (const name of names) if (existsSync(join(folder, name))) return join(folder, name);
  const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
  return existsSync(mac) ? mac : undefined;
}
