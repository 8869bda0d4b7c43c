import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import type { ConsolePage } from './browser.fixture.ts';

/** What tests do in a page as people do it, and what they look at. */

export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
export const link = (page: Page, name: string) => page.getByRole('link', { name, exact: true });

/** Presses a button, and the yes of the question that it asks. */
export async function confirm(page: Page, name: string): Promise<void> {
  await button(page, name).first().click();
  await page.locator('.ant-popconfirm').last().getByRole('button', { name: 'Yes' }).click();
}

/** A button that is shown as not allowed, with the reason in its description. */
export async function isRefused(page: Page, name: string): Promise<string> {
  const refused = page.getByRole('button', { name, exact: false }).and(page.locator('[aria-disabled="true"]')).first();
  await refused.waitFor();
  return (await refused.textContent()) ?? '';
}

/** Chooses one of several in a field whose choices come from the server: it is there once it can be seen. */
export async function choose(page: Page, label: string, choice: string): Promise<void> {
  await page.getByLabel(label).first().click();
  await page.keyboard.type(choice);
  await page.locator('.ant-select-item-option-active').filter({ hasText: choice }).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.ant-select-selection-item').filter({ hasText: choice }).waitFor();
}

export async function done(opened: ConsolePage): Promise<void> {
  assert.deepEqual(opened.faults, []);
  await opened.close();
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly target: readonly string[] }[];
}

/** What axe finds that is serious or worse. */
export async function seriousFaults(page: Page): Promise<string[]> {
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axeSource);
  const found = (await page.evaluate("axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }).then((result) => result.violations)")) as Violation[];
  return found.filter((one) => one.impact === 'serious' || one.impact === 'critical').map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target.join(' ')} ${node.html.slice(0, 160)}`).join(' | ')}`);
}
