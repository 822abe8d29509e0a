// The packages live outside of the clone, as builds and models do.
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

const { HUASHEN_BROWSER_TOOLS, XDG_CACHE_HOME, PATH } = process.env;

export const tools = resolve(
  HUASHEN_BROWSER_TOOLS || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huashen/browser'),
);
export const path = (PATH ?? '').split(':').filter(Boolean);

const require = createRequire(join(tools, 'package.json'));

export function load(name) {
  try {
    return require(name);
  } catch (error) {
    fail(`${name} cannot be loaded from ${tools} (tools/test.sh installs it): ${error.message}`);
  }
}

export function fail(reason) {
  console.error(`error: ${reason}`);
  process.exit(1);
}
