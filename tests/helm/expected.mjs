// What each file of values is there to render: its kinds, and what it refers to that others have made.
const always = ['ConfigMap', 'Deployment', 'Pod', 'Service', 'Service'];
const usual = [...always, 'NetworkPolicy', 'PodDisruptionBudget', 'ServiceAccount'];

const expected = {
  'bare-values.yaml': {kinds: always, outside: ['ServiceAccount features-runner']},
  'event-hubs-connection-string-values.yaml': {kinds: [...usual, 'Role', 'RoleBinding'], outside: ['ConfigMap feature-repository']},
  'hpa-values.yaml': {kinds: [...usual, 'HorizontalPodAutoscaler', 'PrometheusRule']},
  'keda-postgresql-values.yaml': {kinds: [...usual, 'ScaledObject', 'TriggerAuthentication']},
  'minimal-values.yaml': {kinds: usual},
  'production-values.yaml': {kinds: [...usual, 'ConfigMap', 'PrometheusRule', 'Role', 'RoleBinding', 'ScaledObject', 'ServiceMonitor'], outside: ['TriggerAuthentication prometheus-reader']},
};

/** The kinds that a file of values renders, in the order of their names. */
export function kindsOf(file) {
  if (!expected[file]) throw new Error(`tests/helm/expected.mjs does not say what ${file} renders`);
  return [...expected[file].kinds].sort();
}

/** `Kind name` of what the manifests of a file may refer to without rendering it. */
export const outsideOf = file => expected[file].outside ?? [];
