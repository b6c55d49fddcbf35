// Checks the chart as far as that goes without a cluster: `node tests/helm/validate.mjs`. Prints a table and every failure,
// and ends with a line "chart: N passed, N failed, N skipped"; the exit code is 1 when anything failed. README.md says what is checked.
import {readFileSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parse, parseAllDocuments} from 'yaml';
import {runBeside} from './before.mjs';
import {againstRules, againstSchemas} from './damage.mjs';
import {dockerfileRules} from './dockerfile.mjs';
import {findHelm, run} from './helm.mjs';
import {kindsOf, outsideOf} from './expected.mjs';
import {refusals} from './refusals.mjs';
import {rules} from './rules.mjs';
import {problemsOf} from './schemas.mjs';

const chart = fileURLToPath(new URL('../../helm/orleansfeatures', import.meta.url));
const rows = [];
const failures = [];

/** Counts one check of `subject`; `problems` are sentences, none when it holds. */
function check(subject, name, problems) {
  let row = rows.find(other => other.subject === subject);
  if (!row) rows.push(row = {subject, passed: 0, failed: 0, note: ''});
  const found = [...problems];
  row[found.length === 0 ? 'passed' : 'failed']++;
  for (const problem of found) failures.push(`${subject}: ${name}: ${problem}`);
  return row;
}

function render(helm, values, ...more) {
  return run(helm.path, ['template', 'store', chart, '--namespace', 'feature-store', '--values', values, ...more]);
}

async function checkValues(helm, file) {
  const values = join(chart, 'ci', file);
  const linted = run(helm.path, ['lint', '--strict', chart, '--values', values]);
  check(file, 'helm lint --strict', linted.ok ? [] : [linted.output]);

  const rendered = render(helm, values);
  check(file, 'helm template', rendered.ok ? [] : [rendered.output]);
  if (!rendered.ok) return;

  const documents = parseAllDocuments(rendered.output, {uniqueKeys: true});
  check(file, 'the output is YAML', documents.flatMap(document => document.errors.map(error => error.message)));
  const manifests = documents.map(document => document.toJS()).filter(manifest => manifest !== null);
  for (const manifest of manifests) check(file, `schema of ${manifest.kind} ${manifest.metadata.name}`, await problemsOf(manifest));

  const kinds = manifests.map(manifest => manifest.kind).sort();
  const expected = kindsOf(file);
  const row = check(file, 'renders what it says', kinds.join(' ') === expected.join(' ') ? [] : [`expected ${expected.join(' ')}, got ${kinds.join(' ')}`]);
  for (const [name, rule] of Object.entries(rules)) check(file, name, rule(manifests, {outside: outsideOf(file)}));
  row.note = `${manifests.length} manifests`;
}

// Values that must be refused, and by which message: a refusal that happens for another reason is no refusal.
function checkRefusals(helm) {
  const minimal = join(chart, 'ci', 'minimal-values.yaml');
  for (const {name, set = [], string = [], says} of refusals) {
    const more = [...set.flatMap(value => ['--set', value]), ...string.flatMap(value => ['--set-string', value])];
    const {ok, output} = render(helm, minimal, ...more);
    check('values that must be refused', name, ok ? ['was rendered'] : says.test(output) ? [] : [`the message does not say ${says}: ${output.trim()}`]);
  }
}

// An upgrade looks at the release before it, a rendering must not come out differently for a release with a long name.
async function checkReleases(helm) {
  const minimal = join(chart, 'ci', 'minimal-values.yaml');
  const upgrade = partitions => runBeside(helm, 'feature-store', partitions ? {'store-orleansfeatures': {ORLEANS_FEATURES_PARTITIONS: partitions}} : {}, ['template', 'store', chart, '--values', minimal]);
  const other = await upgrade('32');
  check('releases', 'another number of partitions than the store has', other.ok ? ['was rendered'] : /created with 32: the number is fixed/.test(other.output) ? [] : [other.output]);
  for (const [name, partitions] of [['the number of partitions that the store has', '64'], ['a first installation', null]]) {
    const {ok, output} = await upgrade(partitions);
    check('releases', name, ok && output.includes('kind: Deployment') ? [] : [output]);
  }

  const old = render(helm, minimal, '--kube-version', '1.29.0');
  check('releases', 'a Kubernetes that is too old', old.ok ? ['was rendered'] : /incompatible with Kubernetes/.test(old.output) ? [] : [old.output]);

  // 53 characters are the most that Helm takes.
  const {output} = run(helm.path, ['template', 'a-release-with-the-longest-name-that-helm-will-accept', chart, '--values', join(chart, 'ci', 'production-values.yaml')]);
  const manifests = parseAllDocuments(output).map(document => document.toJS()).filter(manifest => manifest !== null);
  const tooLong = manifests.map(manifest => manifest.metadata.name).filter(name => name.length > 63);
  check('releases', 'the longest name', manifests.length < 10 ? [output] : tooLong.map(name => `${name} is longer than the 63 characters of a DNS label`));
}

// The checks themselves, on a rendering that is right but for one thing.
async function checkTheChecks(helm) {
  const file = 'production-values.yaml';
  const {output} = render(helm, join(chart, 'ci', file));
  const fresh = () => parseAllDocuments(output).map(document => document.toJS()).filter(manifest => manifest !== null);
  const found = (says, problems) => problems.some(problem => says.test(problem)) ? [] : [`only found ${JSON.stringify(problems)}`];
  for (const [kind, says, damage] of againstSchemas) {
    const manifest = fresh().find(candidate => candidate.kind === kind);
    damage(manifest);
    check('damage that must be found', `${kind}, ${says}`, found(says, await problemsOf(manifest)));
  }

  for (const [rule, says, damage] of againstRules) {
    const manifests = fresh();
    damage(manifests);
    check('damage that must be found', `${rule}, ${says}`, found(says, [...rules[rule](manifests, {outside: outsideOf(file)})]));
  }

  check('damage that must be found', 'every rule has some', Object.keys(rules).filter(rule => !againstRules.some(([broken]) => broken === rule)));
}

// The schema and values.yaml describe the same thing: every default is described, every description has a default.
function checkDefaults() {
  const defaults = parse(readFileSync(join(chart, 'values.yaml'), 'utf8'));
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8'));
  function* differences(described, has, path) {
    for (const name of Object.keys(described)) if (!(name in has) && `${path}${name}` !== 'global') yield `${path}${name} is in the schema and not in values.yaml`;
    for (const [name, value] of Object.entries(has)) {
      if (!(name in described)) yield `${path}${name} is in values.yaml and not in the schema`;
      else if (described[name].properties && value) yield* differences(described[name].properties, value, `${path}${name}.`);
    }
  }
  // Kinds of container resources beyond requests and limits have no default.
  delete schema.properties.resources.properties.claims;
  check('values.yaml', 'agrees with values.schema.json', differences(schema.properties, defaults, ''));
}

const helm = findHelm();
if (!helm.path) {
  console.log(`${helm.reason}\nchart: 0 passed, 0 failed, 1 skipped`);
  process.exit(0);
}

checkDefaults();
for (const file of readdirSync(join(chart, 'ci')).sort()) await checkValues(helm, file);
checkRefusals(helm);
await checkReleases(helm);
await checkTheChecks(helm);
for (const [name, rule] of Object.entries(dockerfileRules)) check('Dockerfile', name, rule());

console.log(`helm ${helm.version}`);
console.log(`${'checked'.padEnd(44)} passed failed`);
for (const {subject, passed, failed, note} of rows) console.log(`${subject.padEnd(44)} ${String(passed).padStart(6)} ${String(failed).padStart(6)}  ${note}`);
for (const failure of failures) console.error(`FAILED ${failure}`);
const sum = of => rows.reduce((total, row) => total + row[of], 0);
console.log(`chart: ${sum('passed')} passed, ${sum('failed')} failed, 0 skipped`);
process.exitCode = sum('failed') === 0 ? 0 : 1;
