// The interoperability service on grpc-js, for our client: node server.mjs PROTO_FOLDER
// Prints "port N" once it listens; ends when its standard input does.
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const definition = loader.loadSync(path.join(process.argv[2], 'interop.proto'), { keepCase: true });
const testing = grpc.loadPackageDefinition(definition).grpc.testing;
const zeros = size => ({ payload: { body: Buffer.alloc(size) } });

function echo(call) {
  const trailers = new grpc.Metadata();
  for (const value of call.metadata.get('x-grpc-test-echo-trailing-bin')) trailers.add('x-grpc-test-echo-trailing-bin', value);
  const headers = new grpc.Metadata();
  for (const value of call.metadata.get('x-grpc-test-echo-initial')) headers.add('x-grpc-test-echo-initial', value);
  call.sendMetadata(headers);
  return trailers;
}

const refusal = (status, trailers) => Object.assign(new Error(status.message), { code: status.code, details: status.message, metadata: trailers });

const server = new grpc.Server();
server.addService(testing.TestService.service, {
  EmptyCall: (call, done) => done(null, {}),

  UnaryCall(call, done) {
    const trailers = echo(call);
    if (call.request.response_status) done(refusal(call.request.response_status, trailers));
    else done(null, zeros(call.request.response_size), trailers);
  },

  StreamingInputCall(call, done) {
    let sum = 0;
    call.on('data', request => { sum += request.payload.body.length; });
    call.on('end', () => done(null, { aggregated_payload_size: sum }));
  },

  StreamingOutputCall(call) {
    for (const { size } of call.request.response_parameters) call.write(zeros(size));
    call.end();
  },

  FullDuplexCall(call) {
    const trailers = echo(call);
    let refused = false;
    call.on('data', request => {
      if (refused) return;
      if (request.response_status) {
        refused = true;
        call.emit('error', refusal(request.response_status, trailers));
        return;
      }

      for (const { size } of request.response_parameters ?? []) call.write(zeros(size));
    });
    call.on('end', () => { if (!refused) call.end(trailers); });
  },
});

server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`port ${port}`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
