// What an upgrade finds of the release before it. Templates ask the API server for that (`lookup`), and `helm template` has
// none; so here is just enough of one to answer that question, on loopback, from a list of objects.
import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';

// Which kinds the cluster has: those that the values used here render.
const kinds = {
  'api/v1': ['ConfigMap', 'Pod', 'Service', 'ServiceAccount'],
  'apis/apps/v1': ['Deployment'],
  'apis/networking.k8s.io/v1': ['NetworkPolicy'],
  'apis/policy/v1': ['PodDisruptionBudget'],
};
const plural = kind => kind.toLowerCase().replace(/y$/, 'ie') + 's';
const versions = Object.keys(kinds).filter(path => path.startsWith('apis/')).map(path => path.slice('apis/'.length));
const answers = {
  '/version': {major: '1', minor: '34', gitVersion: 'v1.34.0'},
  '/api': {kind: 'APIVersions', versions: ['v1']},
  '/apis': {kind: 'APIGroupList', apiVersion: 'v1', groups: versions.map(version => ({name: version.split('/')[0], versions: [{groupVersion: version, version: 'v1'}], preferredVersion: {groupVersion: version, version: 'v1'}}))},
  ...Object.fromEntries(Object.entries(kinds).map(([path, has]) => [`/${path}`, {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: path.replace(/^apis?\//, ''),
    resources: has.map(kind => ({name: plural(kind), singularName: kind.toLowerCase(), namespaced: true, kind, verbs: ['get', 'list']})),
  }])),
};

// What Helm knows its own objects by.
const ofRelease = namespace => ({labels: {'app.kubernetes.io/managed-by': 'Helm'}, annotations: {'meta.helm.sh/release-name': 'store', 'meta.helm.sh/release-namespace': namespace}});

/** Runs helm with `args` beside a cluster that has these ConfigMaps (name to data) of the release `store` in `namespace`; never throws for what helm says. */
export async function runBeside(helm, namespace, configMaps, args) {
  const server = createServer((request, response) => {
    const path = request.url.split('?')[0];
    const name = path.startsWith(`/api/v1/namespaces/${namespace}/configmaps/`) ? path.split('/').at(-1) : null;
    const answer = answers[path] ?? (configMaps[name] && {kind: 'ConfigMap', apiVersion: 'v1', metadata: {name, namespace, ...ofRelease(namespace)}, data: configMaps[name]});
    response.writeHead(answer ? 200 : 404, {'content-type': 'application/json'});
    response.end(JSON.stringify(answer ?? {kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404}));
  });
  await new Promise((listening, failed) => server.once('error', failed).listen(0, '127.0.0.1', listening));

  const folder = mkdtempSync(join(tmpdir(), 'chart-'));
  try {
    const config = join(folder, 'config');
    writeFileSync(config, JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{name: 'none', cluster: {server: `http://127.0.0.1:${server.address().port}`}}],
      users: [{name: 'none', user: {}}],
      contexts: [{name: 'none', context: {cluster: 'none', user: 'none'}}],
      'current-context': 'none',
    }));
    const {stdout} = await promisify(execFile)(helm.path, [...args, '--namespace', namespace, '--kubeconfig', config, '--dry-run=server', '--disable-openapi-validation'], {maxBuffer: 64 * 1024 * 1024});
    return {ok: true, output: stdout};
  } catch (error) {
    return {ok: false, output: error.stderr || error.message};
  } finally {
    rmSync(folder, {recursive: true});
    server.close();
    server.closeAllConnections();
  }
}
