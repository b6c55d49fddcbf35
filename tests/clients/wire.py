"""The interoperability messages (interop.proto) on protobuf's wire, written and read by hand: some fields, no generated code."""

VARINT, BYTES = 0, 2

# Field numbers of interop.proto, by the name used here. Names that occur with two numbers carry the message's initial.
NUMBERS = {
    "body": (2, BYTES), "code": (1, VARINT), "message": (2, BYTES), "value": (1, VARINT),
    "response_size": (2, VARINT), "payload": (3, BYTES), "response_compressed": (6, BYTES), "response_status": (7, BYTES), "expect_compressed": (8, BYTES),
    "in_payload": (1, BYTES), "in_expect_compressed": (2, BYTES), "aggregated_payload_size": (1, VARINT),
    "size": (1, VARINT), "compressed": (3, BYTES),
    "response_parameters": (2, BYTES), "out_payload": (3, BYTES),
    "response_payload": (1, BYTES),
}


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(value):
    if isinstance(value, (bool, int)):
        return varint(int(value))
    raw = value.raw if isinstance(value, Wire) else value.encode() if isinstance(value, str) else value
    return varint(len(raw)) + raw


class Wire:
    """One message: made from fields, or from the bytes that came."""

    def __init__(self, raw=None, **fields):
        self.fields = fields
        self.raw = raw if raw is not None else b"".join(
            varint(NUMBERS[name][0] << 3 | NUMBERS[name][1]) + encode(value)
            for name, values in fields.items()
            for value in (values if isinstance(values, list) else [values])
        )

    def in_stream(self):
        """The same content as a StreamingInputCallRequest, whose fields have other numbers."""
        return Wire(**{f"in_{name}": value for name, value in self.fields.items()})

    def find(self, number):
        """The last value of a field, as protobuf has it; None where it is absent."""
        return (self.find_all(number) or [None])[-1]

    def find_all(self, number):
        at, found = 0, []
        while at < len(self.raw):
            tag, at = self._varint(at)
            if tag & 7 == VARINT:
                value, at = self._varint(at)
            elif tag & 7 == BYTES:
                length, at = self._varint(at)
                value, at = self.raw[at:at + length], at + length
            else:
                raise ValueError(f"wire type {tag & 7} at {at}")
            if tag >> 3 == number:
                found.append(value)
        return found

    def number(self, name):
        return self.find(NUMBERS[name][0]) or 0

    def bytes_of(self, outer, inner):
        """The bytes inside a response's message field: every response carries its payload in field 1."""
        return Wire(self.find(NUMBERS[f"response_{outer}"][0]) or b"").find(NUMBERS[inner][0]) or b""

    def _varint(self, at):
        shift = value = 0
        while True:
            byte = self.raw[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at


def payload(size):
    return Wire(body=bytes(size))


def compressed(value):
    return Wire(value=value)


class service:
    """The methods of a service on a channel, over Wire messages."""

    def __init__(self, channel, name):
        self._channel, self._name = channel, name

    def unary(self, method):
        return self._channel.unary_unary(*self._method(method))

    def client_stream(self, method):
        return self._channel.stream_unary(*self._method(method))

    def server_stream(self, method):
        return self._channel.unary_stream(*self._method(method))

    def duplex(self, method):
        return self._channel.stream_stream(*self._method(method))

    def _method(self, method):
        return f"/{self._name}/{method}", lambda message: message.raw, Wire


def probe(channel, method):
    return channel.unary_unary(f"/test.Probe/{method}")
