// What the checks must find: one thing wrong each, in a rendering that is right. A rule that no damage breaks would be a rule
// that checks nothing, so each rule has one here.
const first = (manifests, kind) => manifests.find(manifest => manifest.kind === kind);
const pod = manifests => first(manifests, 'Deployment').spec.template.spec;
const silo = manifests => pod(manifests).containers[0];
const alert = manifests => first(manifests, 'PrometheusRule').spec.groups[0].rules[0];

/** Found by schemas: kind, what is found, the damage. */
export const againstSchemas = [
  ['Deployment', /imagee: the API knows no such field/, it => { it.spec.template.spec.containers[0].imagee = 'x'; }],
  ['Deployment', /containers\/0: /, it => { delete it.spec.template.spec.containers[0].name; }],
  ['Deployment', /replicas/, it => { it.spec.replicas = 'three'; }],
  ['NetworkPolicy', /egres: the API knows no such field/, it => { it.spec.egres = []; }],
  ['ScaledObject', /pollInterval: the API knows no such field/, it => { it.spec.pollInterval = 5; }],
  ['ScaledObject', /triggers/, it => { delete it.spec.triggers; }],
  ['ServiceMonitor', /endpoint: the API knows no such field/, it => { it.spec.endpoint = []; }],
  ['PrometheusRule', /annotation: the API knows no such field/, it => { it.spec.groups[0].rules[0].annotation = {}; }],
  ['ConfigMap', /null/, it => { it.data.EMPTY = null; }],
  ['Service', /no schema for v7 Service/, it => { it.apiVersion = 'v7'; }],
];

/** Found by rules: the rule, what is found, the damage. */
export const againstRules = [
  ['containers are confined', /silo is not confined/, all => { silo(all).securityContext.readOnlyRootFilesystem = false; }],
  ['containers are confined', /may run as root/, all => { pod(all).securityContext.runAsNonRoot = false; }],
  ['images and resources are stated', /may change under its name/, all => { silo(all).image = 'silo'; }],
  ['images and resources are stated', /does not state/, all => { delete silo(all).resources.requests; }],
  ['one thing counts the silos', /both count silos/, all => all.push({...first(all, 'ScaledObject'), kind: 'HorizontalPodAutoscaler'})],
  ['one thing counts the silos', /spec\.replicas belongs/, all => { first(all, 'Deployment').spec.replicas = 3; }],
  ['secrets are references', /Secret x is rendered/, all => all.push({kind: 'Secret', metadata: {name: 'x'}})],
  ['secrets are references', /has its value in the Deployment/, all => silo(all).env.push({name: 'DB_PASSWORD', value: 'x'})],
  ['selectors find the silos, and nothing else', /PodDisruptionBudget \S+ does not select/, all => { first(all, 'PodDisruptionBudget').spec.selector.matchLabels.more = 'x'; }],
  ['selectors find the silos, and nothing else', /selects Pod/, all => { first(all, 'Pod').metadata.labels['app.kubernetes.io/component'] = 'silo'; }],
  ['selectors find the silos, and nothing else', /it finds 0/, all => { delete first(all, 'Service').metadata.labels['orleansfeatures/scrape']; }],
  ['a selector never changes with a release', /which cannot change/, all => { first(all, 'Deployment').spec.selector.matchLabels['orleans/clusterId'] = 'x'; }],
  ['ports are reachable, and only by whom they are for', /lets nobody in to extra/, all => silo(all).ports.push({name: 'extra', containerPort: 9})],
  ['ports are reachable, and only by whom they are for', /others than silos/, all => first(all, 'NetworkPolicy').spec.ingress[1].from.push({namespaceSelector: {}})],
  ['ports are reachable, and only by whom they are for', /leads to the port none/, all => { first(all, 'Service').spec.ports[0].targetPort = 'none'; }],
  ['a silo is given the time that it takes to drain', /is not above preStop and drain/, all => { pod(all).terminationGracePeriodSeconds = 45; }],
  ['rights are those that Kubernetes hosting needs, and nobody else has any', /must have delete/, all => { first(all, 'Role').rules[0].verbs.pop(); }],
  ['rights are those that Kubernetes hosting needs, and nobody else has any', /more than pods/, all => { first(all, 'Role').rules[0].resources.push('secrets'); }],
  ['what is referred to is there', /ServiceAccount other is referred to/, all => { pod(all).serviceAccountName = 'other'; }],
  ['alerts can be acted on', /has no runbook_url/, all => { delete alert(all).annotations.runbook_url; }],
  ['alerts can be acted on', /no such heading/, all => { alert(all).annotations.runbook_url = 'docs/kubernetes.md#alert-unheard-of'; }],
  ['queries are well formed and ask for metrics that are documented, and exported', /not PromQL/, all => { alert(all).expr = 'sum(up'; }],
  ['queries are well formed and ask for metrics that are documented, and exported', /does not know the metric orleansfeatures_lags/, all => { alert(all).expr = 'sum(orleansfeatures_lags) > 1'; }],
  ['queries are well formed and ask for metrics that are documented, and exported', /no silo exports the metric orleansfeatures_lags/, all => { alert(all).expr = 'sum(orleansfeatures_lags) > 1'; }],
  ['every setting of a silo is documented, and read', /know ORLEANS_FEATURES_UNHEARD_OF/, all => silo(all).env.push({name: 'ORLEANS_FEATURES_UNHEARD_OF', value: 'x'})],
  ['every setting of a silo is documented, and read', /no silo reads ORLEANS_FEATURES_UNHEARD_OF/, all => silo(all).env.push({name: 'ORLEANS_FEATURES_UNHEARD_OF', value: 'x'})],
  ['every object can be told to be ours', /lacks app\.kubernetes\.io\/instance/, all => { delete first(all, 'Role').metadata.labels['app.kubernetes.io/instance']; }],
];
