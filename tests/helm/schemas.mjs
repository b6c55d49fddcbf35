// Whether a manifest is what its API takes. The packages kubernetes-models compile the OpenAPI documents of Kubernetes, KEDA
// and the Prometheus operator to functions that check types, enumerations and required fields, but let unknown fields pass:
// a misspelt field is simply never looked at. That is how it is found here. The manifest is handed over behind a proxy that
// notes which fields are read, or that all are enumerated (a map, such as labels); what nobody asked for, the schema does
// not know.
import {existsSync} from 'node:fs';
import {fileURLToPath, pathToFileURL} from 'node:url';

const core = 'kubernetes-models/_schemas/IoK8sApi';
const keda = '@kubernetes-models/keda/_schemas/ComGithubKedacoreKedaV2ApisKeda';
const prometheus = '@kubernetes-models/prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring';
const groups = {
  'v1': `${core}CoreV1`,
  'apps/v1': `${core}AppsV1`,
  'autoscaling/v2': `${core}AutoscalingV2`,
  'networking.k8s.io/v1': `${core}NetworkingV1`,
  'policy/v1': `${core}PolicyV1`,
  'rbac.authorization.k8s.io/v1': `${core}RbacV1`,
  'keda.sh/v1alpha1': `${keda}V1alpha1`,
  'monitoring.coreos.com/v1': `${prometheus}V1`,
};

/** What is wrong with a manifest: a list of sentences, empty when nothing is. */
export async function problemsOf(manifest) {
  const group = groups[manifest.apiVersion];
  const file = group && fileURLToPath(new URL(`node_modules/${group}${manifest.kind}.js`, import.meta.url));
  if (!file || !existsSync(file)) return [`no schema for ${manifest.apiVersion} ${manifest.kind}: teach schemas.mjs where it is`];

  const {validate} = await import(pathToFileURL(file));
  const unread = new Map();
  const problems = [];
  if (!validate(watched(manifest, '', unread))) {
    for (const {instancePath, message, keyword, params} of validate.errors) problems.push(`${instancePath || '/'}: ${message ?? keyword} ${JSON.stringify(params)}`);
  }

  for (const fields of unread.values()) for (const path of fields) problems.push(`${path}: the API knows no such field`);
  return [...problems, ...nulls(manifest, '')];
}

/** `node` behind a proxy, and everything below it as it is read; `unread` gets, for each object, the paths of the fields that nobody has asked for yet. */
function watched(node, path, unread) {
  if (node === null || typeof node !== 'object') return node;
  const left = new Set(Array.isArray(node) ? [] : Object.keys(node).map(field => `${path}/${field}`));
  const below = new Map();
  unread.set(path, left);
  return new Proxy(node, {
    get(target, field) {
      if (!Object.hasOwn(target, field)) return target[field];
      left.delete(`${path}/${String(field)}`);
      if (!below.has(field)) below.set(field, watched(target[field], `${path}/${String(field)}`, unread));
      return below.get(field);
    },
    ownKeys(target) {
      left.clear();
      return Reflect.ownKeys(target);
    },
  });
}

// The schemas take null for anything; a template that left a value out should have left out the field.
function nulls(node, path) {
  if (node === null) return [`${path}: null`];
  return typeof node === 'object' ? Object.entries(node).flatMap(([field, value]) => nulls(value, `${path}/${field}`)) : [];
}
