// node play.mjs FILE.glb OUT_DIR SHAPE...: draws a model with three.js in headless
// Chromium, at rest (rest.png) and with each morph target at full weight
// (SHAPE.png), and says as JSON what each of them changed. No GPU is needed.
import { accessSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, load, path, tools } from './tools.mjs';

const [model, out, ...shapes] = process.argv.slice(2);
if (!shapes.length) fail('usage: node play.mjs FILE.glb OUT_DIR SHAPE...');

const { chromium } = load('playwright-core');
const executablePath = path.map((dir) => join(dir, 'chromium')).find((file) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});
if (!executablePath) fail('there is no `chromium` here (Debian package chromium)');

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.glb': 'model/gltf-binary' };
const THREE = join(tools, 'node_modules', 'three') + sep;

/** The file behind an address; nothing else of the disk is served. */
function behind(address) {
  const { pathname } = new URL(address, 'http://localhost');
  if (pathname === '/') return fileURLToPath(new URL('play.html', import.meta.url));
  if (pathname === '/model.glb') return model;
  const file = normalize(join(THREE, decodeURIComponent(pathname).replace(/^\/three\//, '')));
  return pathname.startsWith('/three/') && file.startsWith(THREE) ? file : null;
}

const server = createServer((request, response) => {
  try {
    const file = behind(request.url);
    const bytes = readFileSync(file);
    response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));

const profile = mkdtempSync(join(tmpdir(), 'huashen-browser-'));
// A browser that hangs must not hang the tests.
setTimeout(() => fail('nothing was drawn in 5 minutes'), 300_000).unref();
let browser;
try {
  mkdirSync(out, { recursive: true });
  browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    viewport: { width: 1100, height: 1100 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // Whatever a browser does besides: it reaches this machine only.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
  const page = browser.pages()[0] ?? (await browser.newPage());
  // three.js says on the console what it does not understand in a file; the
  // browser's own remarks there are about this machine.
  const said = [];
  page.on('console', (message) => {
    if (message.text().startsWith('THREE.')) said.push(message.text());
  });
  page.on('pageerror', (error) => said.push(String(error)));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);

  const opened = await page.evaluate(() => window.open_model());
  const drawn = {};
  for (const shape of [null, ...shapes]) {
    const { png, ...change } = await page.evaluate((name) => window.draw(name), shape);
    writeFileSync(join(out, `${shape ?? 'rest'}.png`), Buffer.from(png, 'base64'));
    if (shape) drawn[shape] = change;
  }
  console.log(JSON.stringify({ ...opened, said, shapes: drawn }, null, 2));
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
} finally {
  await browser?.close();
  server.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
