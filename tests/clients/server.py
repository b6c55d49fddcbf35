"""The interoperability service on grpc's C core (python3-grpcio), for our client: server.py

Prints "port N" once it listens; ends when its standard input does.
"""
import sys
from concurrent import futures

import grpc

from wire import Wire, payload

CODES = {code.value[0]: code for code in grpc.StatusCode}


def echo(context):
    received = tuple(context.invocation_metadata())
    context.send_initial_metadata(tuple(item for item in received if item[0] == "x-grpc-test-echo-initial"))
    context.set_trailing_metadata(tuple(item for item in received if item[0] == "x-grpc-test-echo-trailing-bin"))


def refuse(request, context):
    status = request.find(7)
    if status is not None:
        status = Wire(status)
        context.abort(CODES[status.find(1)], status.find(2).decode())


def zeros(size):
    return Wire(response_payload=payload(size or 0))


def unary(request, context):
    echo(context)
    refuse(request, context)
    return zeros(request.find(2))


def streaming_input(requests, context):
    return Wire(aggregated_payload_size=sum(len(request.bytes_of("payload", "body")) for request in requests))


def streaming_output(request, context):
    for parameters in request.find_all(2):
        yield zeros(Wire(parameters).find(1))


def full_duplex(requests, context):
    echo(context)
    for request in requests:
        refuse(request, context)
        yield from streaming_output(request, context)


def handler(make, function):
    return make(function, request_deserializer=Wire, response_serializer=lambda message: message.raw)


def main():
    server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", 16 << 20)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.testing.TestService", {
        "EmptyCall": handler(grpc.unary_unary_rpc_method_handler, lambda request, context: Wire()),
        "UnaryCall": handler(grpc.unary_unary_rpc_method_handler, unary),
        "StreamingInputCall": handler(grpc.stream_unary_rpc_method_handler, streaming_input),
        "StreamingOutputCall": handler(grpc.unary_stream_rpc_method_handler, streaming_output),
        "FullDuplexCall": handler(grpc.stream_stream_rpc_method_handler, full_duplex),
    }),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"port {port}", flush=True)
    sys.stdin.read()
    server.stop(None)


if __name__ == "__main__":
    main()
