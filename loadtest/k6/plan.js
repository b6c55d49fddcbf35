// Reads the load plan (slo.yaml, one entry per line, in braces) and makes k6's options of it: scenarios with an open model (arrival rates), and thresholds
// that are the plan's objectives. Nothing here talks to k6, so that it can be checked without.

const SECTION = /^(objectives|bars|scenarios):$/;
const ENTRY = /^\s+- \{(.*)\}$/;
const OPERATIONS = ['lookup', 'batch', 'observe', 'push', 'readable'];

/** The plan's sections, each a list of entries. A line that is not understood is refused: a bound that is skipped is one that always holds. */
export function parsePlan(text) {
  const plan = { objectives: [], bars: [], scenarios: [] };
  let section = null;
  text.split('\n').forEach((line, at) => {
    if (line.trim() === '' || line.trim().startsWith('#')) {
      return;
    }
    const opened = SECTION.exec(line);
    const entry = ENTRY.exec(line);
    if (opened) {
      section = opened[1];
    } else if (entry && section) {
      plan[section].push(entryOf(entry[1], at + 1));
    } else {
      throw new Error(`slo.yaml:${at + 1}: expected a section, or an entry such as "  - {name: a, operation: lookup}"`);
    }
  });
  return plan;
}

function entryOf(text, line) {
  const entry = {};
  text.split(',').forEach((pair) => {
    const [name, value, more] = pair.split(':').map((part) => part.trim());
    if (!name || !value || more !== undefined || name in entry) {
      throw new Error(`slo.yaml:${line}: "${pair.trim()}" is not "name: value", or stands twice`);
    }
    entry[name] = Number.isNaN(Number(value)) ? value : Number(value);
  });
  return entry;
}

/**
 * k6's options for one scenario of the plan. settings: protocol (grpc or rest), rate (a factor on all rates), seconds (instead of the plan's), strict (bars are
 * thresholds too).
 * Each operation is a k6 scenario of its own that runs the exported function of its name.
 */
export function optionsOf(plan, name, settings) {
  const scenario = plan.scenarios.find((each) => each.name === name);
  if (!scenario) {
    throw new Error(`slo.yaml has no scenario "${name}"`);
  }
  const seconds = settings.seconds || scenario.seconds;
  const factor = settings.rate || 1;
  const operations = OPERATIONS.filter((operation) => operation in scenario);
  const scenarios = {};
  operations.forEach((operation) => {
    scenarios[operation] = arrivals(scenario[operation] * factor, seconds, scenario.spike || 1, operation);
  });
  const bounds = plan.objectives.concat(settings.strict ? plan.bars : []).filter((bound) => operations.includes(bound.operation));
  return {
    scenarios,
    thresholds: thresholdsOf(bounds, scenario, settings.protocol, (operation) => scenario[operation] * factor * seconds),
    summaryTrendStats: ['count', 'med', 'p(90)', 'p(99)', 'p(99.9)', 'p(99.99)', 'max'],
    discardResponseBodies: false,
    setupTimeout: '5m',
  };
}

/** Rates in requests per ten seconds, so that a rate of 0.5 a second is a whole number too. */
function arrivals(rate, seconds, spike, operation) {
  const perTen = (times) => Math.max(1, Math.round(rate * times * 10));
  // A virtual user per request under way: what 100 ms at the peak rate need, ready before the run, and ten times as many before a request is dropped.
  const ready = Math.max(10, Math.ceil(rate * spike * 0.1));
  const common = { timeUnit: '10s', preAllocatedVUs: ready, maxVUs: ready * 10, exec: operation, tags: { operation } };
  if (spike === 1) {
    return Object.assign({ executor: 'constant-arrival-rate', rate: perTen(1), duration: `${seconds}s` }, common);
  }
  const part = (share, times) => ({ duration: `${Math.max(1, Math.round(seconds * share))}s`, target: perTen(times) });
  return Object.assign({
    executor: 'ramping-arrival-rate',
    startRate: perTen(1),
    stages: [part(0.3, 1), part(0.1, spike), part(0.2, spike), part(0.1, 1), part(0.3, 1)],
  }, common);
}

function thresholdsOf(bounds, scenario, protocol, dueOf) {
  const thresholds = {};
  const add = (metric, bound) => { thresholds[metric] = (thresholds[metric] || []).concat(bound); };
  bounds.forEach((bound) => {
    const { operation } = bound;
    if (bound.percentile !== undefined) {
      add(latencyOf(operation, protocol), bound.percentile === 100 ? `max<${bound.below_ms}` : `p(${bound.percentile})<${bound.below_ms}`);
    } else {
      add(`failed{operation:${operation}}`, `rate<=${bound.failed_percent_max / 100}`);
      // A request for which no virtual user was free has failed too, though k6 never sends it.
      add(`dropped_iterations{scenario:${operation}}`, `count<=${Math.floor((dueOf(operation) * bound.failed_percent_max) / 100)}`);
    }
  });
  return thresholds;
}

/** k6's own measure of a call, to the microsecond, by the operation that every scenario is tagged with. Two calls that are one request have a measure of their own, to the millisecond. */
function latencyOf(operation, protocol) {
  if (operation === 'readable') {
    return 'readable';
  }
  return `${protocol === 'rest' ? 'http' : 'grpc'}_req_duration{operation:${operation}}`;
}

/** The entry of the scenario, for its rows and events. */
export function scenarioOf(plan, name) {
  return Object.assign({ rows: 100, events: 100 }, plan.scenarios.find((each) => each.name === name));
}
