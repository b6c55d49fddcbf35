// gRPC's public interoperability cases with grpc-js as the client: node interop.mjs HOST:PORT PROTO_FOLDER
// Prints one line a case: "ok NAME", "fail NAME REASON" or "skip NAME REASON". Cases run one after the other on one channel.
import assert from 'node:assert/strict';
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [address, protos] = process.argv.slice(2);
const definition = loader.loadSync(path.join(protos, 'interop.proto'), { keepCase: true });
const testing = grpc.loadPackageDefinition(definition).grpc.testing;
const credentials = grpc.credentials.createInsecure();
const client = new testing.TestService(address, credentials);
const unserved = new testing.UnimplementedService(address, credentials);
const gzipClient = new testing.TestService(address, credentials, {
  'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
});

const NO_COMPRESS = 2; // A write flag of the C core's, which grpc-js takes as a stream's encoding.
const bytes = value => value;
const probeMethod = (name, requestStream, responseStream) => ({
  path: `/test.Probe/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
const Probe = grpc.makeGenericClientConstructor({
  echo: probeMethod('Echo', false, false),
  throw: probeMethod('Throw', false, false),
  details: probeMethod('Details', false, false),
  headers: probeMethod('Headers', false, false),
  daysLeft: probeMethod('DaysLeft', false, false),
  join: probeMethod('Join', true, false),
  echoAll: probeMethod('EchoAll', true, true),
  refuseFirst: probeMethod('RefuseFirst', true, true),
}, 'test.Probe');
const probe = new Probe(address, credentials);

const zeros = size => ({ body: Buffer.alloc(size) });
const isZeros = (payload, size) => assert.ok(payload.body.equals(Buffer.alloc(size)), `expected ${size} zeros, got ${payload.body.length} bytes`);

// One unary call: resolves with response, headers and status; a failed call has an error instead of a response.
function unary(method, request, { on = client, metadata = new grpc.Metadata(), options = {} } = {}) {
  return new Promise(resolve => {
    const result = {};
    const done = () => 'status' in result && ('error' in result || 'response' in result) && resolve(result);
    const call = on[method](request, metadata, options, (error, response) => {
      if (error) result.error = error; else result.response = response;
      done();
    });
    call.on('metadata', headers => { result.headers = headers; });
    call.on('status', status => { result.status = status; done(); });
  });
}

// The end of a streaming call: all messages (after the ones the case took itself), headers and status.
function ended(call) {
  return new Promise(resolve => {
    const result = { messages: [] };
    call.on('metadata', headers => { result.headers = headers; });
    call.on('data', message => result.messages.push(message));
    call.on('error', () => {}); // The same as the status, which carries it.
    call.on('status', status => { result.status = status; resolve(result); });
  });
}

const large = extra => ({ response_size: 314159, payload: zeros(271828), ...extra });
const echoMetadata = () => {
  const metadata = new grpc.Metadata();
  metadata.add('x-grpc-test-echo-initial', 'test_initial_metadata_value');
  metadata.add('x-grpc-test-echo-trailing-bin', Buffer.from([0xab, 0xab, 0xab]));
  return metadata;
};
const hasEchoes = (headers, status) => {
  assert.deepEqual(headers.get('x-grpc-test-echo-initial'), ['test_initial_metadata_value']);
  assert.deepEqual(status.metadata.get('x-grpc-test-echo-trailing-bin'), [Buffer.from([0xab, 0xab, 0xab])]);
};
const succeeded = result => assert.equal(result.status.code, grpc.status.OK, result.status.details);

const cases = {
  async empty_unary() {
    const result = await unary('EmptyCall', {});
    succeeded(result);
    assert.deepEqual(result.response, {});
  },

  async large_unary() {
    const result = await unary('UnaryCall', large());
    succeeded(result);
    isZeros(result.response.payload, 314159);
  },

  async client_compressed_unary() {
    const probing = await unary('UnaryCall', large({ expect_compressed: { value: true } }));
    assert.equal(probing.status.code, grpc.status.INVALID_ARGUMENT);
    const compressed = await unary('UnaryCall', large({ expect_compressed: { value: true } }), { on: gzipClient });
    succeeded(compressed);
    isZeros(compressed.response.payload, 314159);
    const plain = await unary('UnaryCall', large({ expect_compressed: { value: false } }));
    succeeded(plain);
    isZeros(plain.response.payload, 314159);
  },

  // grpc-js does not show the flag of a message; that the header offers gzip and the message inflates is what it can tell.
  async server_compressed_unary() {
    for (const value of [true, false]) {
      const result = await unary('UnaryCall', large({ response_compressed: { value } }));
      succeeded(result);
      isZeros(result.response.payload, 314159);
    }
  },

  async client_streaming() {
    const total = await new Promise((resolve, reject) => {
      const call = client.StreamingInputCall((error, response) => (error ? reject(error) : resolve(response.aggregated_payload_size)));
      for (const size of [27182, 8, 1828, 45904]) call.write({ payload: zeros(size) });
      call.end();
    });
    assert.equal(total, 74922);
  },

  async client_compressed_streaming() {
    const send = (on, messages) => new Promise(resolve => {
      const call = on.StreamingInputCall((error, response) => resolve({ error, response }));
      call.on('error', () => {});
      for (const message of messages) call.write(message.value, message.flags);
      call.end();
    });
    const probing = await send(client, [{ value: { expect_compressed: { value: true }, payload: zeros(27182) } }]);
    assert.equal(probing.error?.code, grpc.status.INVALID_ARGUMENT);
    const result = await send(gzipClient, [
      { value: { expect_compressed: { value: true }, payload: zeros(27182) } },
      { value: { expect_compressed: { value: false }, payload: zeros(45904) }, flags: NO_COMPRESS },
    ]);
    assert.equal(result.response?.aggregated_payload_size, 73086, result.error?.message);
  },

  async server_streaming() {
    const sizes = [31415, 9, 2653, 58979];
    const result = await ended(client.StreamingOutputCall({ response_parameters: sizes.map(size => ({ size })) }));
    succeeded(result);
    assert.equal(result.messages.length, sizes.length);
    sizes.forEach((size, i) => isZeros(result.messages[i].payload, size));
  },

  async server_compressed_streaming() {
    const result = await ended(client.StreamingOutputCall({
      response_parameters: [{ compressed: { value: true }, size: 31415 }, { compressed: { value: false }, size: 92653 }],
    }));
    succeeded(result);
    assert.equal(result.messages.length, 2);
    isZeros(result.messages[0].payload, 31415);
    isZeros(result.messages[1].payload, 92653);
  },

  async ping_pong() {
    const rounds = [[31415, 27182], [9, 8], [2653, 1828], [58979, 45904]];
    const call = client.FullDuplexCall();
    const end = new Promise(resolve => call.on('status', resolve));
    call.on('error', () => {});
    let round = 0;
    const send = () => call.write({ response_parameters: [{ size: rounds[round][0] }], payload: zeros(rounds[round][1]) });
    const sizes = [];
    call.on('data', message => {
      sizes.push(message.payload.body.length);
      round += 1;
      if (round < rounds.length) send(); else call.end();
    });
    send();
    assert.equal((await end).code, grpc.status.OK);
    assert.deepEqual(sizes, rounds.map(([size]) => size));
  },

  async empty_stream() {
    const call = client.FullDuplexCall();
    const end = ended(call);
    call.end();
    const result = await end;
    succeeded(result);
    assert.equal(result.messages.length, 0);
  },

  async status_code_and_message() {
    const response_status = { code: 2, message: 'test status message' };
    const single = await unary('UnaryCall', { response_status });
    assert.deepEqual([single.status.code, single.status.details], [2, response_status.message]);
    const call = client.FullDuplexCall();
    const end = ended(call);
    call.write({ response_status });
    call.end();
    const streamed = await end;
    assert.deepEqual([streamed.status.code, streamed.status.details], [2, response_status.message]);
  },

  async special_status_message() {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP \u263A and non-BMP \u{1F608}\t\n';
    const result = await unary('UnaryCall', { response_status: { code: 2, message } });
    assert.deepEqual([result.status.code, result.status.details], [2, message]);
  },

  async unimplemented_method() {
    assert.equal((await unary('UnimplementedCall', {})).status.code, grpc.status.UNIMPLEMENTED);
  },

  async unimplemented_service() {
    assert.equal((await unary('UnimplementedCall', {}, { on: unserved })).status.code, grpc.status.UNIMPLEMENTED);
  },

  async custom_metadata() {
    const single = await unary('UnaryCall', large(), { metadata: echoMetadata() });
    succeeded(single);
    hasEchoes(single.headers, single.status);
    const call = client.FullDuplexCall(echoMetadata());
    const end = ended(call);
    call.write({ response_parameters: [{ size: 314159 }], payload: zeros(271828) });
    call.end();
    const streamed = await end;
    succeeded(streamed);
    hasEchoes(streamed.headers, streamed.status);
  },

  async cancel_after_begin() {
    const code = await new Promise(resolve => {
      const call = client.StreamingInputCall(error => resolve(error?.code));
      call.cancel();
    });
    assert.equal(code, grpc.status.CANCELLED);
  },

  async cancel_after_first_response() {
    const call = client.FullDuplexCall();
    const end = ended(call);
    call.on('data', () => call.cancel());
    call.write({ response_parameters: [{ size: 31415 }], payload: zeros(27182) });
    const result = await end;
    assert.equal(result.messages.length, 1);
    assert.equal(result.status.code, grpc.status.CANCELLED);
  },

  async timeout_on_sleeping_server() {
    const call = client.FullDuplexCall(new grpc.Metadata(), { deadline: Date.now() + 1 });
    const end = ended(call);
    call.write({ payload: zeros(27182) });
    assert.equal((await end).status.code, grpc.status.DEADLINE_EXCEEDED);
  },

  async concurrent_large_unary() {
    const results = await Promise.all(Array.from({ length: 200 }, () => unary('UnaryCall', large())));
    for (const result of results) {
      succeeded(result);
      isZeros(result.response.payload, 314159);
    }
  },

  async error_details_bin() {
    const result = await unary('details', Buffer.alloc(0), { on: probe });
    assert.deepEqual([result.status.code, result.status.details], [grpc.status.FAILED_PRECONDITION, 'see details']);
    assert.deepEqual(result.status.metadata.get('grpc-status-details-bin'), [Buffer.from([8, 9, 18, 3, 0xff, 0xfe, 0])]);
  },

  async binary_metadata_of_all_lengths() {
    for (let length = 0; length < 20; length += 1) {
      const value = Buffer.from(Array.from({ length }, (_, i) => 255 - i));
      const metadata = new grpc.Metadata();
      metadata.add('x-b-bin', value);
      metadata.add('x-b-bin', Buffer.from([length]));
      metadata.add('x-a', `text ${length}`);
      const result = await unary('headers', Buffer.alloc(0), { on: probe, metadata });
      succeeded(result);
      for (const received of [result.headers, result.status.metadata]) {
        assert.deepEqual(received.get('x-b-bin'), [value, Buffer.from([length])]);
        assert.deepEqual(received.get('x-a'), [`text ${length}`]);
      }
    }
  },

  async handler_throws() {
    const result = await unary('throw', Buffer.alloc(3), { on: probe });
    assert.equal(result.status.code, grpc.status.UNKNOWN);
    assert.ok(!result.status.details.includes("handler's own failure"), 'the text of an exception stays on the server');
    succeeded(await unary('echo', Buffer.alloc(3), { on: probe }));
  },

  async message_over_the_limit() {
    const result = await unary('echo', Buffer.alloc(4 * 1024 * 1024 + 1), { on: probe });
    assert.equal(result.status.code, grpc.status.RESOURCE_EXHAUSTED);
    succeeded(await unary('echo', Buffer.alloc(4 * 1024 * 1024 - 64), { on: probe }));
  },

  async deadline_of_sixty_days() {
    const result = await unary('daysLeft', Buffer.alloc(0), { on: probe, options: { deadline: Date.now() + 60.5 * 24 * 3600 * 1000 } });
    succeeded(result);
    assert.equal(result.response.toString(), '60');
  },

  async half_close_first() {
    const call = probe.echoAll();
    const end = ended(call);
    for (let i = 0; i < 300; i += 1) call.write(Buffer.alloc(1000, i));
    call.end();
    const result = await end;
    succeeded(result);
    assert.equal(result.messages.length, 300);
    result.messages.forEach((message, i) => assert.ok(message.equals(Buffer.alloc(1000, i))));
  },

  async status_before_half_close() {
    const call = probe.refuseFirst();
    const end = ended(call);
    call.write(Buffer.alloc(1));
    const result = await end;
    assert.deepEqual([result.status.code, result.status.details], [grpc.status.PERMISSION_DENIED, 'no more']);
  },
};

let failures = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    // A case that hangs is a failure of its own, not of those after it.
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('no end within 20 s')), 20_000); });
    await Promise.race([run(), late]).finally(() => clearTimeout(timer));
    console.log(`ok ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`fail ${name} ${String(error.stack ?? error).replaceAll('\n', ' | ')}`);
  }
}

process.exit(failures === 0 ? 0 : 1);
