// Feast's protocol from Node.js: node feast_client.mjs HOST:PORT HTTP_URL PROTO_FOLDER
// Over gRPC with Feast's own protos, over HTTP with what its documentation sends. The server serves definitions/fraud. Prints one line a case: "ok NAME" or "fail NAME REASON".
import assert from 'node:assert/strict';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [address, url, protos] = process.argv.slice(2);
const definition = loader.loadSync(['feast/serving/ServingService.proto', 'feast/serving/GrpcServer.proto'], { keepCase: true, longs: Number, enums: Number, oneofs: true, includeDirs: [protos] });
const loaded = grpc.loadPackageDefinition(definition);
const credentials = grpc.credentials.createInsecure();
const serving = new loaded.feast.serving.ServingService(address, credentials);
const server = new loaded.GrpcFeatureServer(address, credentials);

const call = (client, method, request) => new Promise((resolve, reject) =>
  client[method](request, { deadline: Date.now() + 10_000 }, (error, response) => error ? reject(error) : resolve(response)));
const post = async (path, body) => {
  const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
};
const now = () => new Date().toISOString();
const PRESENT = 1, NOT_FOUND = 3;

const cases = {
  async pushAndReadOverGrpc() {
    const row = { tx_id: { int64_val: 300 }, tx_time: { string_val: now() }, customer_id: { int64_val: 3001 }, terminal_id: { int64_val: 7 }, amount: { double_val: 12.5 }, fraud: { bool_val: false } };
    assert.deepEqual(await call(server, 'Push', { stream_feature_view: 'transactions', to: 'online', typed_features: row }), { status: true });
    const entities = { customer_id: { val: [{ int64_val: 3001 }, { int64_val: 3002 }] } };
    const answer = await call(serving, 'GetOnlineFeatures', { features: { val: ['customer_spend:nb_tx_1d', 'customer_spend@v1:avg_amount_1d'] }, entities });
    assert.deepEqual(answer.metadata.feature_names.val, ['customer_id', 'nb_tx_1d', 'avg_amount_1d']);
    assert.deepEqual(answer.results.map(vector => vector.values.map(value => value[value.val] ?? null)), [[3001, 3002], [1, 0], [12.5, null]]);
    assert.deepEqual(answer.results.map(vector => vector.statuses), [[PRESENT, PRESENT], [PRESENT, PRESENT], [PRESENT, NOT_FOUND]]);
    assert.ok(Math.abs(answer.results[1].event_timestamps[0].seconds - Date.now() / 1000) < 60);
  },
  async info() {
    assert.match((await call(serving, 'GetFeastServingInfo', {})).version, /^OrleansFeatures /);
  },
  async aNameTwiceIsRefused() {
    const request = { feature_service: 'fraud', entities: { customer_id: { val: [{ int64_val: 1 }] }, terminal_id: { val: [{ int64_val: 1 }] } } };
    await assert.rejects(call(serving, 'GetOnlineFeatures', request), { code: grpc.status.INVALID_ARGUMENT, details: /set full_feature_names/ });
    assert.equal((await call(serving, 'GetOnlineFeatures', { ...request, full_feature_names: true })).results.length, 14);
  },
  async pushAndReadOverHttp() {
    const df = { tx_id: [310, 311], tx_time: [now(), now()], customer_id: [3101, 3101], terminal_id: 7, amount: [1, 2.5], fraud: [false, true] };
    assert.equal((await post('/push', { push_source_name: 'transactions', df, to: 'online_and_offline' })).status, 200);
    const { status, body } = await post('/get-online-features', { features: ['customer_spend:avg_amount_1d'], entities: { customer_id: [3101] } });
    assert.equal(status, 200);
    assert.deepEqual(body.results.map(vector => vector.values), [[3101], [1.75]]);
  },
  async anUnknownPushSourceIsNamed() {
    const { status, body } = await post('/push', { push_source_name: 'transaction', df: { tx_id: [1] } });
    assert.equal(status, 404);
    assert.equal(JSON.parse(body).class, 'PushSourceNotFoundException');
  },
};

let failures = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    failures++;
    console.log(`fail ${name} ${JSON.stringify(error.stack)}`);
  }
}

serving.close();
server.close();
process.exitCode = failures ? 1 : 0;
