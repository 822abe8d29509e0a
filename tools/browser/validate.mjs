// node validate.mjs FILE.glb: what Khronos' validator says of a file, as JSON;
// exit code 1 when there is an error in it.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fail, load } from './tools.mjs';

const [file] = process.argv.slice(2);
if (!file) fail('usage: node validate.mjs FILE.glb');

const { issues } = await load('gltf-validator').validateBytes(
  new Uint8Array(readFileSync(file)),
  { uri: basename(file), format: 'glb', maxIssues: 100 },
);
console.log(JSON.stringify(issues, null, 2));
process.exitCode = issues.numErrors > 0 ? 1 : 0;
