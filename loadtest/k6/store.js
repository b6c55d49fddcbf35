// The operations of the load plan, measured: each is a function that k6 runs once per request that is due.
import exec from 'k6/execution';
import { Rate, Trend } from 'k6/metrics';
import { parsePlan, optionsOf, scenarioOf } from './plan.js';
import { drawEvents, drawRows } from './draw.js';
import * as overGrpc from './grpc.js';
import * as overRest from './rest.js';

const plan = parsePlan(open('../slo.yaml'));
const store = __ENV.PROTOCOL === 'rest' ? overRest : overGrpc;

/** From before a push until a read has seen it. */
const readableAfter = new Trend('readable', true);
const failed = new Rate('failed');

/** Ids of each operation's events lie apart, by a quarter of a century of microseconds. */
const ID_RANGE = 25 * 365 * 86400 * 1e6;
const PREPARE = Number(__ENV.PREPARE || 0);
const PREPARE_BATCH = 1000;

/** What a script exports: options, setup and the operations of one scenario of the plan. */
export function scenario(name) {
  const { rows, events } = scenarioOf(plan, name);
  return {
    options: optionsOf(plan, name, { protocol: __ENV.PROTOCOL, rate: Number(__ENV.RATE || 0), seconds: Number(__ENV.SECONDS || 0), strict: __ENV.STRICT === '1' }),
    setup,
    lookup: () => counted(store.lookup(drawRows(1))),
    batch: () => counted(store.lookup(drawRows(rows))),
    observe: (data) => counted(store.observe(drawEvents(1, nextId(data, 1, 1))[0])),
    push: (data) => counted(store.push(drawEvents(events, nextId(data, 2, events)))),
    readable: (data) => counted(readable(drawEvents(events, nextId(data, 3, events)))),
  };
}

/** Before the run: ids begin with the microsecond of now, so that no two runs share one; and, if asked for, some history. */
function setup() {
  const data = { firstId: Date.now() * 1000 };
  for (let from = 0; from < PREPARE; from += PREPARE_BATCH) {
    const answer = store.push(drawEvents(Math.min(PREPARE_BATCH, PREPARE - from), data.firstId + from));
    if (!answer.ok) {
      exec.test.abort(`cannot prepare: ${answer.error}`);
    }
  }
  return data;
}

function readable(events) {
  const began = Date.now();
  const pushed = store.push(events);
  if (!pushed.ok) {
    return pushed;
  }
  const last = events[events.length - 1];
  const read = store.lookup([{ customer_id: last.customer_id, terminal_id: last.terminal_id }], pushed.token);
  readableAfter.add(Date.now() - began);
  return read;
}

function nextId(data, range, count) {
  return data.firstId + range * ID_RANGE + exec.scenario.iterationInTest * count;
}

/** Whether it was answered well, counted under the operation that k6 tags each scenario with. */
function counted(answer) {
  if (!answer.ok) {
    console.error(`${exec.scenario.name}: ${answer.error}`);
  }
  failed.add(!answer.ok);
}
