// The thread of k6.mjs that makes calls while the script's own thread waits for their answers.
import { workerData } from 'node:worker_threads';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const { port, done } = workerData;
const clients = new Map();

/** As k6 answers: messages in their JSON form, without what has its default value. */
const ANSWER = { keepCase: false, longs: String, enums: String, bytes: String, defaults: false };

function methodOf(protos, address, method) {
  const [service, name] = method.split('/');
  const key = `${address} ${service}`;
  if (!clients.has(key)) {
    const definition = loader.loadSync('orleansfeatures/v1/features.proto', { ...ANSWER, includeDirs: [protos] });
    const type = service.split('.').reduce((scope, part) => scope[part], grpc.loadPackageDefinition(definition));
    clients.set(key, new type(address, grpc.credentials.createInsecure()));
  }
  const client = clients.get(key);
  return client[name].bind(client);
}

const overGrpc = ({ protos, address, method, message }) => new Promise(resolve => {
  methodOf(protos, address, method)(message, (error, answer) => resolve(error ? { status: error.code, error: { message: error.details } } : { status: 0, message: answer }));
});

async function overHttp({ url, body, headers }) {
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, body: await response.text() };
}

port.on('message', async request => {
  const answer = request.kind === 'grpc' ? await overGrpc(request) : await overHttp(request);
  port.postMessage(JSON.parse(JSON.stringify(answer)));
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
});
