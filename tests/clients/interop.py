"""gRPC's public interoperability cases with grpc's C core (python3-grpcio) as the client: interop.py HOST:PORT

Prints one line a case: "ok NAME", "fail NAME REASON" or "skip NAME REASON". Messages are made from the wire format by hand (wire.py), so that
no generated code is needed.
"""
import concurrent.futures
import sys
import traceback

import grpc

from wire import Wire, compressed, payload, probe, service

ADDRESS = sys.argv[1]
OPTIONS = [("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20)]
channel = grpc.insecure_channel(ADDRESS, OPTIONS)
test = service(channel, "grpc.testing.TestService")
unserved = service(channel, "grpc.testing.UnimplementedService")
GZIP = grpc.Compression.Gzip


def large(**extra):
    return Wire(response_size=314159, payload=payload(271828), **extra)


def body(message):
    return message.bytes_of("payload", "body")


def is_zeros(message, size):
    assert body(message) == bytes(size), f"expected {size} zeros, got {len(body(message))} bytes"


def refusal(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call succeeded")


def expect(code, call):
    error = refusal(call)
    assert error.code() == code, f"expected {code}, got {error.code()}: {error.details()}"
    return error


def empty_unary():
    assert test.unary("EmptyCall")(Wire()).raw == b""


def large_unary():
    is_zeros(test.unary("UnaryCall")(large()), 314159)


def client_compressed_unary():
    unary = test.unary("UnaryCall")
    expect(grpc.StatusCode.INVALID_ARGUMENT, lambda: unary(large(expect_compressed=compressed(True))))
    is_zeros(unary(large(expect_compressed=compressed(True)), compression=GZIP), 314159)
    is_zeros(unary(large(expect_compressed=compressed(False))), 314159)


def server_compressed_unary():
    # The C core does not show the flag of a message; it inflates what the flag says or fails.
    for value in (True, False):
        is_zeros(test.unary("UnaryCall")(large(response_compressed=compressed(value))), 314159)


def client_streaming():
    requests = (Wire(payload=payload(size)).in_stream() for size in (27182, 8, 1828, 45904))
    assert test.client_stream("StreamingInputCall")(requests).number("aggregated_payload_size") == 74922


def client_compressed_streaming():
    call = test.client_stream("StreamingInputCall")
    probing = Wire(payload=payload(27182), expect_compressed=compressed(True))
    expect(grpc.StatusCode.INVALID_ARGUMENT, lambda: call(iter([probing.in_stream()])))
    compressing = call(iter([probing.in_stream()]), compression=GZIP)
    assert compressing.number("aggregated_payload_size") == 27182
    return "skip the flag of a single message: grpcio compresses all messages of a client's stream or none"


def server_streaming():
    sizes = [31415, 9, 2653, 58979]
    responses = list(test.server_stream("StreamingOutputCall")(Wire(response_parameters=[Wire(size=size) for size in sizes])))
    assert [len(body(response)) for response in responses] == sizes


def server_compressed_streaming():
    parameters = [Wire(size=31415, compressed=compressed(True)), Wire(size=92653, compressed=compressed(False))]
    responses = list(test.server_stream("StreamingOutputCall")(Wire(response_parameters=parameters)))
    assert [len(body(response)) for response in responses] == [31415, 92653]


def output_request(size, sent):
    return Wire(response_parameters=[Wire(size=size)], out_payload=payload(sent))


class Feed:
    """Requests that the case hands over one by one; grpcio reads them as an iterator on a thread of its own."""

    def __init__(self):
        import queue

        self._queue = queue.Queue()

    def send(self, message):
        self._queue.put(message)

    def close(self):
        self._queue.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        message = self._queue.get()
        if message is None:
            raise StopIteration
        return message


def ping_pong():
    feed = Feed()
    responses = test.duplex("FullDuplexCall")(feed)
    for size, sent in ((31415, 27182), (9, 8), (2653, 1828), (58979, 45904)):
        feed.send(output_request(size, sent))
        assert len(body(next(responses))) == size
    feed.close()
    assert list(responses) == []
    assert responses.code() == grpc.StatusCode.OK


def empty_stream():
    responses = test.duplex("FullDuplexCall")(iter([]))
    assert list(responses) == []
    assert responses.code() == grpc.StatusCode.OK


def status_code_and_message():
    status = Wire(code=2, message="test status message")
    error = expect(grpc.StatusCode.UNKNOWN, lambda: test.unary("UnaryCall")(Wire(response_status=status)))
    assert error.details() == "test status message"
    error = expect(grpc.StatusCode.UNKNOWN, lambda: list(test.duplex("FullDuplexCall")(iter([Wire(response_status=status)]))))
    assert error.details() == "test status message"


def special_status_message():
    message = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"
    error = expect(grpc.StatusCode.UNKNOWN, lambda: test.unary("UnaryCall")(Wire(response_status=Wire(code=2, message=message))))
    assert error.details() == message, repr(error.details())


def unimplemented_method():
    expect(grpc.StatusCode.UNIMPLEMENTED, lambda: test.unary("UnimplementedCall")(Wire()))


def unimplemented_service():
    expect(grpc.StatusCode.UNIMPLEMENTED, lambda: unserved.unary("UnimplementedCall")(Wire()))


ECHOES = (("x-grpc-test-echo-initial", "test_initial_metadata_value"), ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab"))


def custom_metadata():
    def check(call):
        assert ECHOES[0] in tuple(call.initial_metadata()), call.initial_metadata()
        assert ECHOES[1] in tuple(call.trailing_metadata()), call.trailing_metadata()

    response, call = test.unary("UnaryCall").with_call(large(), metadata=ECHOES)
    is_zeros(response, 314159)
    check(call)
    responses = test.duplex("FullDuplexCall")(iter([output_request(314159, 271828)]), metadata=ECHOES)
    assert [len(body(response)) for response in responses] == [314159]
    check(responses)


def cancel_after_begin():
    call = test.client_stream("StreamingInputCall").future(Feed())
    call.cancel()
    assert call.cancelled()
    assert call.code() == grpc.StatusCode.CANCELLED


def cancel_after_first_response():
    feed = Feed()
    responses = test.duplex("FullDuplexCall")(feed)
    feed.send(output_request(31415, 27182))
    assert len(body(next(responses))) == 31415
    responses.cancel()
    expect(grpc.StatusCode.CANCELLED, lambda: next(responses))
    feed.close()


def timeout_on_sleeping_server():
    feed = Feed()
    responses = test.duplex("FullDuplexCall")(feed, timeout=0.001)
    feed.send(Wire(out_payload=payload(27182)))
    expect(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(responses))
    feed.close()


def concurrent_large_unary():
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for response in pool.map(lambda _: test.unary("UnaryCall")(large()), range(200)):
            is_zeros(response, 314159)


def error_details_bin():
    error = expect(grpc.StatusCode.FAILED_PRECONDITION, lambda: probe(channel, "Details")(b""))
    assert error.details() == "see details"
    assert ("grpc-status-details-bin", bytes([8, 9, 18, 3, 0xFF, 0xFE, 0])) in tuple(error.trailing_metadata())


def binary_metadata_of_all_lengths():
    for length in range(20):
        sent = (("x-b-bin", bytes(255 - i for i in range(length))), ("x-b-bin", bytes([length])), ("x-a", f"text {length}"))
        _, call = probe(channel, "Headers").with_call(b"", metadata=sent)
        for received in (call.initial_metadata(), call.trailing_metadata()):
            got = sorted((key, value) for key, value in received if key.startswith("x-"))
            assert got == sorted(sent), got


def handler_throws():
    error = expect(grpc.StatusCode.UNKNOWN, lambda: probe(channel, "Throw")(b"abc"))
    assert "handler's own failure" not in error.details()
    assert probe(channel, "Echo")(b"abc") == b"abc"


def message_over_the_limit():
    expect(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: probe(channel, "Echo")(bytes((4 << 20) + 1)))
    assert probe(channel, "Echo")(bytes(4 << 20)) == bytes(4 << 20)


def deadline_of_sixty_days():
    assert probe(channel, "DaysLeft")(b"", timeout=60.5 * 24 * 3600) == b"60"


def half_close_first():
    sent = [bytes([i % 256]) * 1000 for i in range(300)]
    assert list(channel.stream_stream("/test.Probe/EchoAll")(iter(sent))) == sent


def status_before_half_close():
    feed = Feed()
    responses = channel.stream_stream("/test.Probe/RefuseFirst")(feed)
    feed.send(b"x")
    error = expect(grpc.StatusCode.PERMISSION_DENIED, lambda: next(responses))
    assert error.details() == "no more"
    feed.close()


CASES = [
    empty_unary, large_unary, client_compressed_unary, server_compressed_unary, client_streaming, client_compressed_streaming,
    server_streaming, server_compressed_streaming, ping_pong, empty_stream, status_code_and_message, special_status_message,
    unimplemented_method, unimplemented_service, custom_metadata, cancel_after_begin, cancel_after_first_response,
    timeout_on_sleeping_server, concurrent_large_unary, error_details_bin, binary_metadata_of_all_lengths, handler_throws,
    message_over_the_limit, deadline_of_sixty_days, half_close_first, status_before_half_close,
]


def main():
    failures = 0
    for case in CASES:
        try:
            skipped = case()
            print(f"skip {case.__name__} {skipped[5:]}" if skipped else f"ok {case.__name__}")
        except Exception:  # The top of a case: whatever went wrong is its result.
            failures += 1
            print(f"fail {case.__name__} {traceback.format_exc()!r}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
