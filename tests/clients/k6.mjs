// Runs the k6 scripts of loadtest/ without k6: node --experimental-vm-modules k6.mjs FOLDER [GRPC HTTP]
// Each script is loaded as a module whose k6 imports are replaced. Without addresses it prints one JSON document, {script: options}. With them it also runs setup and every
// operation of each script several times against the store there, over gRPC and over REST, and prints one line each: "ok SCRIPT PROTOCOL OPERATION" or "fail ... REASON".
// What a script hands to k6 is held to our protos field by field: a misspelt name or a value of the wrong kind fails, where k6 would only say so during a load test.
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';
import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';
import { requireMessage } from './k6-messages.mjs';

const RUNS = 5;
const ANSWER_WITHIN_MS = 30_000;

const [folder, grpcAddress, httpAddress] = process.argv.slice(2);
const scripts = fs.readdirSync(folder).filter(name => name.endsWith('.js') && /\bscenario\('/.test(fs.readFileSync(path.join(folder, name), 'utf8')));

/** A call that waits for its answer, as k6's calls do: another thread makes it, this one sleeps until it is there. */
class Caller {
  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.done = new Int32Array(new SharedArrayBuffer(4));
    this.worker = new Worker(new URL('./k6-calls.mjs', import.meta.url), { workerData: { port: port2, done: this.done }, transferList: [port2] });
  }

  call(request) {
    Atomics.store(this.done, 0, 0);
    this.port.postMessage(request);
    if (Atomics.wait(this.done, 0, 0, ANSWER_WITHIN_MS) === 'timed-out') {
      throw new Error(`no answer within ${ANSWER_WITHIN_MS} ms: ${JSON.stringify(request).slice(0, 200)}`);
    }
    return receiveMessageOnPort(this.port).message;
  }
}

/** What the scripts import from k6, with the parts that they use. Counts go to `counts`. */
function fakeOf(caller, counts) {
  class Client {
    load(paths, file) {
      this.protos = path.resolve(folder, paths[0]);
      fs.accessSync(path.join(this.protos, file));
    }

    connect(address, { plaintext }) {
      if (!plaintext) {
        throw new Error('the store has no TLS of its own');
      }
      this.address = address;
    }

    invoke(method, message) {
      requireMessage(this.protos, method, message);
      return caller.call({ kind: 'grpc', protos: this.protos, address: this.address, method, message });
    }
  }

  class Metric {
    constructor(name) {
      this.name = name;
    }

    add(value) {
      (counts[this.name] ||= []).push(Number(value));
    }
  }

  const post = (url, body, { headers }) => {
    const answer = caller.call({ kind: 'http', url, body, headers });
    return { ...answer, json: () => JSON.parse(answer.body) };
  };
  const exec = { scenario: { name: '', iterationInTest: 0 }, test: { abort: reason => { throw new Error(reason); } } };
  return {
    exec,
    modules: {
      'k6/net/grpc': { default: { Client, StatusOK: 0 } },
      'k6/http': { default: { post } },
      'k6/metrics': { Rate: Metric, Trend: Metric },
      'k6/execution': { default: exec },
    },
  };
}

async function load(script, environment, fake) {
  const context = vm.createContext({
    __ENV: environment,
    open: file => fs.readFileSync(path.resolve(folder, file), 'utf8'),
    console: { error: line => { fake.lastError = line; } },
  });
  const cache = new Map();
  const link = (specifier, from) => moduleOf(specifier.startsWith('.') ? path.resolve(path.dirname(from.identifier), specifier) : specifier);
  const moduleOf = identifier => {
    if (!cache.has(identifier)) {
      cache.set(identifier, identifier in fake.modules ? replaced(identifier) : new vm.SourceTextModule(fs.readFileSync(identifier, 'utf8'), { identifier, context }));
    }
    return cache.get(identifier);
  };
  const replaced = name => {
    const exports = fake.modules[name];
    return new vm.SyntheticModule(Object.keys(exports), function () {
      Object.entries(exports).forEach(([key, value]) => this.setExport(key, value));
    }, { identifier: name, context });
  };
  const module = moduleOf(path.join(folder, script));
  await module.link(link);
  await module.evaluate();
  return module.namespace;
}

async function run(script, protocol, caller) {
  const counts = {};
  const fake = fakeOf(caller, counts);
  const exports = await load(script, { PROTOCOL: protocol, PREPARE: '10', GRPC: grpcAddress, HTTP: httpAddress }, fake);
  const data = JSON.parse(JSON.stringify(exports.setup()));
  for (const operation of Object.values(exports.options.scenarios).map(scenario => scenario.exec)) {
    try {
      counts.failed = [];
      fake.exec.scenario.name = operation;
      for (let at = 0; at < RUNS; at++) {
        fake.exec.scenario.iterationInTest = at;
        exports[operation](data);
      }
      if (counts.failed.length !== RUNS || counts.failed.some(failed => failed !== 0)) {
        throw new Error(fake.lastError ?? `${counts.failed.length} of ${RUNS} were counted`);
      }
      console.log(`ok ${script} ${protocol} ${operation}`);
    } catch (error) {
      console.log(`fail ${script} ${protocol} ${operation} ${String(error.message).replaceAll('\n', ' ')}`);
    }
  }
}

if (grpcAddress) {
  const caller = new Caller();
  for (const script of scripts) {
    await run(script, 'grpc', caller);
    await run(script, 'rest', caller);
  }
  await caller.worker.terminate();
} else {
  const all = {};
  for (const script of scripts) {
    for (const [name, environment] of Object.entries({ '': {}, ' rest': { PROTOCOL: 'rest' }, ' strict': { STRICT: '1' } })) {
      const exports = await load(script, environment, fakeOf(null, {}));
      all[script + name] = { options: exports.options, exports: Object.keys(exports).filter(key => typeof exports[key] === 'function') };
    }
  }
  console.log(JSON.stringify(all));
}
