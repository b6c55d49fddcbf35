"""A bad hour in front of a real server, for the example clients: hiccups.py HOST:PORT

Passes unary calls on, byte for byte. The first call of each method is refused as by a full store, with a hint; the second reaches the server, and its answer is lost on the way back. A call without a deadline, and a
second one that comes before the hint says, are failures. Prints "port N" once it listens; at the end of its standard input what it has seen, a line a method: "METHOD calls connections".
"""
import collections
import sys
import threading
import time
from concurrent import futures

import grpc

HINT_MS = 60
CODES = grpc.StatusCode


class Method:
    def __init__(self):
        self.calls = 0
        self.peers = set()
        self.refused_at = None


class Hiccups(grpc.GenericRpcHandler):
    def __init__(self, server):
        self._channel = grpc.insecure_channel(server)
        self._gate = threading.Lock()
        self.methods = collections.defaultdict(Method)

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._answer(details.method, request, context))

    def _answer(self, name, request, context):
        with self._gate:
            method = self.methods[name]
            method.calls += 1
            call = method.calls
            method.peers.add(context.peer())
        if context.time_remaining() is None:
            context.abort(CODES.FAILED_PRECONDITION, "the call has no deadline")
        if call == 1:
            method.refused_at = time.monotonic()
            context.set_trailing_metadata((("retry-after-ms", str(HINT_MS)),))
            context.abort(CODES.RESOURCE_EXHAUSTED, "the store is full")
        waited = (time.monotonic() - method.refused_at) * 1000
        if call == 2 and waited < HINT_MS:
            context.abort(CODES.FAILED_PRECONDITION, f"tried again after {waited:.0f} ms, before the hint of {HINT_MS}")
        answer = self._forward(name, request, context)
        if call == 2:
            context.abort(CODES.UNAVAILABLE, "the answer is lost")
        return answer

    def _forward(self, name, request, context):
        try:
            return self._channel.unary_unary(name)(request, timeout=context.time_remaining())
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())


def main():
    hiccups = Hiccups(sys.argv[1])
    server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[hiccups])
    print("port", server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    for name, method in sorted(hiccups.methods.items()):
        print(name, method.calls, len(method.peers))
    server.stop(None)


if __name__ == "__main__":
    main()
