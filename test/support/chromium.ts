import { chromium } from 'playwright-core';
import type { BrowserContext } from 'playwright-core';
import { onCleanup } from './cleanup.ts';
import { requirePart } from './require-part.ts';
import { tempFolder } from './temp-folder.ts';

/** What a browser in a test must not do: talk to its maker, keep state, need a display. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a real Chromium with a new empty profile; closed when the file's tests have ended. */
export async function startChromium(): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(tempFolder('chromium'), {
    executablePath: requirePart('chromium'),
    headless: true,
    chromiumSandbox: false,
    args: FLAGS,
  });
  onCleanup(() => context.close());
  return context;
}
