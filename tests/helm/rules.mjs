// What schemas cannot know: that the parts of one rendering belong together, and the promises of the chart's README.
// Every rule gets all manifests of a rendering and yields sentences about what is wrong.
import {readdirSync, readFileSync} from 'node:fs';
import {metricsIn, syntaxErrorsIn} from './promql.mjs';

const guide = readFileSync(new URL('../../docs/kubernetes.md', import.meta.url), 'utf8');
const anchors = new Set([...guide.matchAll(/^#+ +(.+)$/gm)].map(([, title]) => title.trim().toLowerCase().replace(/[^\w\- ]/g, '').replace(/ /g, '-')));
const documented = new Set(guide.match(/\b(orleansfeatures_\w+|ORLEANS_FEATURES_\w+)\b/g));

// The text of the silo's program, to see that it knows the names that are used here.
const program = ['OrleansFeatures.Silo', 'OrleansFeatures.Silo.Upstream', 'OrleansFeatures.Silo.Cloud'].map(project => new URL(`../../src/${project}/`, import.meta.url)).flatMap(sources).map(file => readFileSync(file, 'utf8')).join('\n');

function sources(folder) {
  return readdirSync(folder, {withFileTypes: true}).flatMap(entry => (entry.isDirectory() ? sources(new URL(`${entry.name}/`, folder)) : entry.name.endsWith('.cs') ? [new URL(entry.name, folder)] : []));
}

const only = (manifests, kind) => manifests.filter(manifest => manifest.kind === kind);
const deploymentOf = manifests => only(manifests, 'Deployment')[0];
const siloOf = manifests => deploymentOf(manifests).spec.template.spec.containers[0];
const podSpecs = manifests => manifests.flatMap(manifest => (manifest.kind === 'Pod' ? [[manifest, manifest.spec]] : manifest.kind === 'Deployment' ? [[manifest, manifest.spec.template.spec]] : []));
const nameOf = manifest => `${manifest.kind} ${manifest.metadata.name}`;
const selects = (selector, labels) => Object.entries(selector).every(([name, value]) => labels[name] === value);
const settingsOf = manifests => only(manifests, 'ConfigMap').find(map => map.data.ORLEANS_FEATURES_HTTP_PORT).data;

export const rules = {
  * 'containers are confined'(manifests) {
    for (const [manifest, spec] of podSpecs(manifests)) {
      if (!spec.securityContext?.runAsNonRoot || spec.securityContext.seccompProfile?.type !== 'RuntimeDefault') yield `${nameOf(manifest)}: the pod may run as root or without seccomp`;
      if (spec.hostNetwork || spec.hostPID || spec.hostIPC) yield `${nameOf(manifest)}: shares namespaces of its node`;
      for (const {name, securityContext: has = {}} of spec.containers) {
        const fine = has.runAsNonRoot && has.readOnlyRootFilesystem && has.allowPrivilegeEscalation === false && !has.privileged && has.capabilities?.drop?.includes('ALL') && !has.capabilities.add && has.seccompProfile?.type === 'RuntimeDefault';
        if (!fine) yield `${nameOf(manifest)}: container ${name} is not confined: ${JSON.stringify(has)}`;
      }
    }
  },

  * 'images and resources are stated'(manifests) {
    for (const [manifest, spec] of podSpecs(manifests)) {
      for (const {name, image, resources = {}} of spec.containers) {
        if (!/(:[^:/@]+|@sha256:[0-9a-f]{64})$/.test(image) || image.endsWith(':latest')) yield `${nameOf(manifest)}: container ${name} has the image ${image}, which may change under its name`;
        if (!resources.requests?.cpu || !resources.requests.memory || !resources.limits?.memory) yield `${nameOf(manifest)}: container ${name} does not state its CPU and memory`;
      }
    }
  },

  * 'one thing counts the silos'(manifests) {
    const counters = [...only(manifests, 'HorizontalPodAutoscaler'), ...only(manifests, 'ScaledObject')];
    const {name} = deploymentOf(manifests).metadata;
    if (counters.length > 1) yield `${counters.map(nameOf).join(' and ')} both count silos`;
    for (const counter of counters) if (counter.spec.scaleTargetRef.name !== name || counter.spec.scaleTargetRef.kind !== 'Deployment') yield `${nameOf(counter)} scales something else`;
    if ((counters.length === 0) !== Number.isInteger(deploymentOf(manifests).spec.replicas)) yield 'spec.replicas belongs in the Deployment if, and only if, nothing scales it';
    for (const {spec} of only(manifests, 'ScaledObject')) if (spec.triggers.map(trigger => trigger.type)[0] !== 'cpu' || spec.triggers.length !== 2) yield 'the ScaledObject must scale on CPU and on lag';
  },

  * 'secrets are references'(manifests) {
    for (const secret of only(manifests, 'Secret')) yield `${nameOf(secret)} is rendered: its value would be in the release`;
    for (const {name, value} of siloOf(manifests).env) if (value !== undefined && /POSTGRES$|REDIS$|EVENT_HUBS$|PASSWORD|SECRET|TOKEN|KEY/.test(name)) yield `${name} has its value in the Deployment`;
    for (const name of ['ORLEANS_FEATURES_POSTGRES', 'ORLEANS_FEATURES_REDIS']) if (!siloOf(manifests).env.find(variable => variable.name === name)?.valueFrom?.secretKeyRef) yield `${name} does not come from a Secret`;
    for (const map of only(manifests, 'ConfigMap')) if (/password *=|accesskey *=/i.test(JSON.stringify(map.data))) yield `${nameOf(map)} holds a password`;
  },

  * 'selectors find the silos, and nothing else'(manifests) {
    const deployment = deploymentOf(manifests);
    const silo = deployment.spec.template.metadata.labels;
    const selectors = [
      [nameOf(deployment), deployment.spec.selector.matchLabels],
      ...only(manifests, 'Service').map(service => [nameOf(service), service.spec.selector]),
      ...only(manifests, 'PodDisruptionBudget').map(budget => [nameOf(budget), budget.spec.selector.matchLabels]),
      ...only(manifests, 'NetworkPolicy').map(policy => [nameOf(policy), policy.spec.podSelector.matchLabels]),
      ...deployment.spec.template.spec.topologySpreadConstraints.map(spread => [`spread over ${spread.topologyKey}`, spread.labelSelector.matchLabels]),
    ];
    for (const [what, selector] of selectors) {
      if (!selects(selector, silo)) yield `${what} does not select the silos`;
      for (const pod of only(manifests, 'Pod')) if (selects(selector, pod.metadata.labels)) yield `${what} selects ${nameOf(pod)} too`;
    }

    for (const monitor of only(manifests, 'ServiceMonitor')) {
      const found = only(manifests, 'Service').filter(service => selects(monitor.spec.selector.matchLabels, service.metadata.labels));
      if (found.length !== 1 || !found[0].spec.ports.some(port => port.name === monitor.spec.endpoints[0].port)) yield `${nameOf(monitor)} must find exactly one Service with its port, or each silo is scraped twice or not at all; it finds ${found.length}`;
    }
  },

  * 'a selector never changes with a release'(manifests) {
    for (const label of Object.keys(deploymentOf(manifests).spec.selector.matchLabels)) if (/version|chart|orleans\//i.test(label)) yield `${label} is in the Deployment's selector, which cannot change`;
  },

  * 'ports are reachable, and only by whom they are for'(manifests) {
    const ports = Object.fromEntries(siloOf(manifests).ports.map(port => [port.name, port.containerPort]));
    for (const service of only(manifests, 'Service')) for (const port of service.spec.ports) if (!ports[port.targetPort]) yield `${nameOf(service)} leads to the port ${port.targetPort}, which no container has`;
    for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) if (!ports[siloOf(manifests)[probe].httpGet.port]) yield `${probe} asks a port that no container has`;
    for (const policy of only(manifests, 'NetworkPolicy')) {
      const opened = policy.spec.ingress.flatMap(rule => (rule.ports ?? []).map(port => port.port));
      for (const [name, number] of Object.entries(ports)) if (!opened.includes(number)) yield `${nameOf(policy)} lets nobody in to ${name} (${number})`;
      for (const rule of policy.spec.ingress) {
        if (!rule.from?.length) yield `${nameOf(policy)} has a rule for everyone`;
        if (rule.ports.some(port => port.port === ports.silo) && !rule.from.every(peer => selects(peer.podSelector?.matchLabels ?? {none: ''}, deploymentOf(manifests).spec.template.metadata.labels))) yield `${nameOf(policy)} lets others than silos in to the silo port`;
      }

      const reached = policy.spec.egress.flatMap(rule => rule.ports.map(port => port.port));
      for (const [what, number] of [['DNS', 53], ['the silo port', ports.silo]]) if (!reached.includes(number)) yield `${nameOf(policy)} does not let silos reach ${what}`;
      if (policy.spec.egress.some(rule => !rule.ports?.length)) yield `${nameOf(policy)} lets silos reach every port of something`;
      for (const pod of only(manifests, 'Pod')) if (!policy.spec.ingress.some(rule => rule.from.some(peer => peer.podSelector && !peer.namespaceSelector && selects(peer.podSelector.matchLabels, pod.metadata.labels)))) yield `${nameOf(policy)} keeps ${nameOf(pod)} out`;
    }
  },

  * 'a silo is given the time that it takes to drain'(manifests) {
    const {terminationGracePeriodSeconds: grace} = deploymentOf(manifests).spec.template.spec;
    const drain = parseInt(settingsOf(manifests).ORLEANS_FEATURES_DRAIN_LIMIT, 10) + siloOf(manifests).lifecycle.preStop.sleep.seconds;
    if (!(grace > drain)) yield `terminationGracePeriodSeconds ${grace} is not above preStop and drain, ${drain}`;
    const {maxSurge, maxUnavailable} = deploymentOf(manifests).spec.strategy.rollingUpdate;
    if (maxSurge !== 1 || maxUnavailable !== 0) yield 'an upgrade must add one silo before it takes one away';
  },

  * 'rights are those that Kubernetes hosting needs, and nobody else has any'(manifests) {
    const hosted = settingsOf(manifests).ORLEANS_FEATURES_KUBERNETES === 'true';
    const {serviceAccountName, automountServiceAccountToken} = deploymentOf(manifests).spec.template.spec;
    const [role] = only(manifests, 'Role');
    const [binding] = only(manifests, 'RoleBinding');
    if (hosted !== automountServiceAccountToken || hosted !== Boolean(role) || hosted !== Boolean(binding)) yield 'a token, a Role and its binding belong to Kubernetes hosting, and to nothing else';
    if (only(manifests, 'ClusterRole').length > 0) yield 'no silo needs rights outside its namespace';
    if (!role || !binding) return;
    const verbs = role.rules.flatMap(rule => rule.verbs);
    for (const verb of ['get', 'list', 'watch', 'patch']) if (!verbs.includes(verb)) yield `${nameOf(role)} lacks ${verb}`;
    if (verbs.includes('delete') !== (settingsOf(manifests).ORLEANS_FEATURES_KUBERNETES_DELETE_PODS === 'true')) yield `${nameOf(role)} must have delete if, and only if, silos delete pods`;
    if (role.rules.some(rule => rule.resources.join() !== 'pods' || rule.verbs.includes('*'))) yield `${nameOf(role)} is about more than pods`;
    if (binding.subjects[0].name !== serviceAccountName || binding.roleRef.name !== role.metadata.name) yield `${nameOf(binding)} does not bind the silos' account`;
  },

  * 'what is referred to is there'(manifests, {outside = []}) {
    const there = new Set([...manifests.map(nameOf), ...outside]);
    const {serviceAccountName, volumes} = deploymentOf(manifests).spec.template.spec;
    const wanted = [
      `ServiceAccount ${serviceAccountName}`,
      ...volumes.flatMap(volume => (volume.configMap ? [`ConfigMap ${volume.configMap.name}`] : [])),
      ...siloOf(manifests).envFrom.map(source => `ConfigMap ${source.configMapRef.name}`),
      ...only(manifests, 'ScaledObject').flatMap(scaled => scaled.spec.triggers.flatMap(trigger => (trigger.authenticationRef ? [`TriggerAuthentication ${trigger.authenticationRef.name}`] : []))),
    ];
    for (const name of wanted) if (!there.has(name)) yield `${name} is referred to and is not there`;
    const mounts = siloOf(manifests).volumeMounts;
    for (const volume of volumes) if (!mounts.some(mount => mount.name === volume.name)) yield `volume ${volume.name} is mounted nowhere`;
    if (!mounts.some(mount => mount.mountPath === settingsOf(manifests).TMPDIR)) yield 'the root file system is read-only and TMPDIR is not a volume';
  },

  * 'alerts can be acted on'(manifests) {
    for (const rule of only(manifests, 'PrometheusRule').flatMap(rules => rules.spec.groups).flatMap(group => group.rules)) {
      for (const text of ['summary', 'description', 'runbook_url']) if (!rule.annotations?.[text]) yield `alert ${rule.alert} has no ${text}`;
      if (!['critical', 'warning'].includes(rule.labels?.severity) || !rule.for) yield `alert ${rule.alert} does not say how severe it is, or fires at the first scrape`;
      const anchor = rule.annotations?.runbook_url?.split('#')[1];
      if (!anchors.has(anchor)) yield `alert ${rule.alert} points to #${anchor}, and docs/kubernetes.md has no such heading`;
    }
  },

  * 'queries are well formed and ask for metrics that are documented, and exported'(manifests) {
    const queries = [
      ...only(manifests, 'PrometheusRule').flatMap(rules => rules.spec.groups).flatMap(group => group.rules).map(rule => [`alert ${rule.alert}`, rule.expr]),
      ...only(manifests, 'ScaledObject').flatMap(scaled => scaled.spec.triggers).filter(trigger => trigger.type === 'prometheus').map(trigger => ['the ScaledObject', trigger.metadata.query]),
    ];
    for (const [what, query] of queries) {
      for (const place of syntaxErrorsIn(query)) yield `${what}: not PromQL ${place}: ${query}`;
      for (const metric of metricsIn(query).filter(name => name !== 'up').map(name => name.replace(/_bucket$/, ''))) {
        if (!documented.has(metric)) yield `${what}: docs/kubernetes.md does not know the metric ${metric}`;
        // A silo's names are without the prefix that all of them have.
        if (!program.includes(`"${metric.replace(/^orleansfeatures_/, '')}"`)) yield `${what}: no silo exports the metric ${metric}`;
      }
    }
  },

  * 'every setting of a silo is documented, and read'(manifests) {
    const names = [...Object.keys(settingsOf(manifests)), ...siloOf(manifests).env.map(variable => variable.name)];
    for (const name of names) if (name.startsWith('ORLEANS_FEATURES_') && !documented.has(name)) yield `docs/kubernetes.md does not know ${name}`;
    for (const name of names) if (name.startsWith('ORLEANS_FEATURES_') && !program.includes(`"${name}"`)) yield `no silo reads ${name}`;
    for (const name of ['POD_NAME', 'POD_NAMESPACE', 'POD_IP', 'ORLEANS_SERVICE_ID', 'ORLEANS_CLUSTER_ID']) if (!names.includes(name)) yield `Orleans's Kubernetes hosting reads ${name}, which is not set`;
  },

  * 'every object can be told to be ours'(manifests) {
    for (const manifest of manifests) {
      const {labels = {}, name} = manifest.metadata;
      for (const label of ['name', 'instance', 'component', 'part-of', 'version', 'managed-by']) if (!labels[`app.kubernetes.io/${label}`]) yield `${nameOf(manifest)} lacks app.kubernetes.io/${label}`;
      if (name.length > 63) yield `${nameOf(manifest)}: the name is too long`;
    }
  },
};
