using System.Buffers.Binary;
using System.Text;
using Google.Protobuf;
using OrleansFeatures.Fuzzing.Engine;
using OrleansFeatures.V1;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// gRPC on a running store, as bytes of an HTTP/2 connection: frames of every type, in any order, with messages of every service in them. The server may hang up or refuse; it must end its side, write no error, say that nothing is its
/// own bug, and go on serving others.
/// </summary>
internal sealed class Http2Target : FuzzTarget
{
    private const int FrameHead = 9;
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte Settings = 4;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;
    private static readonly byte[] Preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    /// <summary>Ends every input: the server then closes the connection when it has answered, and is not waited for.</summary>
    private static readonly byte[] GoAway = Frame(7, 0, 0, new byte[8]);

    /// <summary>More than the deadline of the calls that inputs make. What has not ended by then waits for bytes that never come, and is told so by the end of the sending side.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(25);

    private readonly RunningStore _store = new();

    public override string Name => "http2";

    public override IReadOnlyList<byte[]> Tokens { get; } =
    [
        Frame(Settings, 0, 0, []), Frame(Settings, 1, 0, []), Frame(6, 0, 0, new byte[8]), Frame(8, 0, 0, [0, 1, 0, 0]), Frame(3, 0, 1, [0, 0, 0, 8]), Frame(7, 0, 0, new byte[8]), Frame(9, EndHeaders, 1, []), Frame(Data, EndStream, 1, []), Preface,
        .. Words("/orleansfeatures.v1.IngestService/Push", "/orleansfeatures.v1.FeatureService/GetFeatures", "/grpc.health.v1.Health/Check", "grpc-timeout", "1n", "99999999H", "grpc-encoding", "gzip", "deflate", "identity", "application/grpc", "te", "trailers", "bin", "-bin", "POST", "GET"),
    ];

    /// <summary>The server works on other threads.</summary>
    public override long AllocationMax(int length) => 64 * Limits.AllocationBase;

    public override IEnumerable<byte[]> Seeds()
    {
        (string Path, IMessage Message)[] calls =
        [
            ("IngestService/Push", PushTarget.Rows(Examples.Orders, 2)), ("IngestService/Push", PushTarget.Columns(Examples.Clicks, 3)), ("IngestService/PushStream", PushTarget.Columns(Examples.Orders, 2)),
            ("FeatureService/GetFeatures", Read()), ("FeatureService/GetTrainingFeatures", new TrainingRequest { What = new FeatureSelection { FeatureService = "few" }, Keys = { new KeyColumn { Field = "shop", Strings = { "s" } } }, AsOfMicros = { 1_522_540_831_000_000 } }),
            ("FeatureService/ObserveAndGet", new ObserveAndGetRequest { Stream = "clicks", Event = PushTarget.Rows(Examples.Clicks, 1).Rows.Rows[0], What = new FeatureSelection { FeatureService = "few" } }),
            ("RegistryService/Plan", new PlanRequest { Files = { new DefinitionFile { Name = "a.yaml", Content = "apiVersion: orleansfeatures/v1\nentities:\n  - {name: e, key: []}\n" } } }), ("RegistryService/List", new ListDefinitionsRequest()),
        ];
        foreach ((string path, IMessage message) in calls)
        {
            yield return Connection(Call(1, $"/orleansfeatures.v1.{path}", message));
        }

        yield return Connection([.. Call(1, "/grpc.health.v1.Health/Check", new Grpc.Health.V1.HealthCheckRequest()), .. Call(3, "/orleansfeatures.v1.FeatureService/GetFeatures", Read())]);
    }

    /// <summary>Frames are lost, doubled, moved, and get other types, flags, streams or contents; their lengths fit mostly.</summary>
    public override byte[]? Mutate(byte[] input, Random random, IReadOnlyList<byte[]> corpus)
    {
        if (!input.AsSpan().StartsWith(Preface) || Frames(input.AsSpan(Preface.Length)) is not { Count: > 0 } frames)
        {
            return null;
        }

        int at = random.Next(frames.Count);
        byte[] frame = frames[at];
        switch (random.Next(9))
        {
            case 0:
                frames.RemoveAt(at);
                break;
            case 1:
                frames.InsertRange(at, Enumerable.Repeat(frame, random.Next(8) == 0 ? random.Next(2, 60) : 1));
                break;
            case 2:
                frames.RemoveAt(at);
                frames.Insert(random.Next(frames.Count + 1), frame);
                break;
            case 3:
                frames[at] = Frame((byte)random.Next(11), (byte)(random.Next(2) == 0 ? frame[4] : random.Next(256)), BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(5)), frame[FrameHead..]);
                break;
            case 4:
                frames[at] = Frame(frame[3], frame[4], random.Next(3) == 0 ? (int)Mutator.AnyNumber(random) : random.Next(8), frame[FrameHead..]);
                break;
            case 5 when frame[3] == Data && frame.Length > FrameHead + 5:
                byte[] message = ProtobufMutation.Of(frame[(FrameHead + 5)..], random, [frame[(FrameHead + 5)..]]);
                frames[at] = Frame(Data, frame[4], BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(5)), [0, .. BigEndian(message.Length), .. message]);
                break;
            default:
                frames[at] = Frame(frame[3], frame[4], BinaryPrimitives.ReadInt32BigEndian(frame.AsSpan(5)), Mutator.Bytes(frame[FrameHead..], random, [frame[FrameHead..]], Tokens));
                break;
        }

        return [.. Preface, .. frames.SelectMany(bytes => bytes)];
    }

    public override Verdict Run(byte[] input)
    {
        byte[] answer = _store.Exchange(_store.Grpc, [.. input, .. GoAway], Patience);
        _store.CheckErrors();
        WrongAnswerException.Unless(answer.AsSpan().IndexOf("a%20bug%20of%20ours"u8) < 0 && answer.AsSpan().IndexOf("a bug of ours"u8) < 0, $"an answer says that it is a bug: {Encoding.Latin1.GetString(answer)}");
        List<byte[]> frames = Frames(answer);
        return frames.Exists(frame => frame[3] == Data && frame.Length > FrameHead + 5) ? Verdict.Accept(KindsOf(frames)) : Verdict.Refuse(KindsOf(frames));
    }

    public override void CheckAlive()
    {
        _store.CheckAlive();
        byte[] answer = _store.Exchange(_store.Grpc, Connection(Call(1, "/grpc.health.v1.Health/Check", new Grpc.Health.V1.HealthCheckRequest())).Concat(GoAway).ToArray(), RunningStore.AnswerMax);
        WrongAnswerException.Unless(Frames(answer).Exists(frame => frame[3] == Data && frame.AsSpan(FrameHead).SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0, 0, 2, 8, 1])), "the health check is not answered any more");
    }

    public override void Dispose() => _store.Dispose();

    private static GetFeaturesRequest Read() => new()
    {
        What = new FeatureSelection { FeatureService = "all" },
        Keys = { new KeyColumn { Field = "shop", Strings = { "s", "t" } }, new KeyColumn { Field = "till", Int64S = { 1, 2 } } },
        AsOfMicros = { 1_522_540_831_000_000 },
        KnownAtMicros = { long.MaxValue },
        MinToken = new ConsistencyToken { Partitions = { 1, 2 }, Offsets = { 0, 1 } },
        MaxWaitMs = 1,
    };

    private static byte[] Connection(byte[] calls) => [.. Preface, .. Frame(Settings, 0, 0, []), .. calls];

    private static byte[] Call(int stream, string path, IMessage message)
    {
        byte[] body = message.ToByteArray();
        byte[] headers =
        [
            .. Header(":method", "POST"), .. Header(":scheme", "http"), .. Header(":path", path), .. Header(":authority", "x"), .. Header("te", "trailers"), .. Header("content-type", "application/grpc"), .. Header("grpc-timeout", "15m"),
        ];
        return [.. Frame(Headers, EndHeaders, stream, headers), .. Frame(Data, EndStream, stream, [0, .. BigEndian(body.Length), .. body])];
    }

    /// <summary>A literal header field without indexing, neither name nor value in Huffman's code (RFC 7541, 6.2.2).</summary>
    private static byte[] Header(string name, string value) => [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload) => [(byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, .. BigEndian(stream), .. payload];

    private static byte[] BigEndian(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    private static List<byte[]> Frames(ReadOnlySpan<byte> bytes)
    {
        var frames = new List<byte[]>();
        while (bytes.Length >= FrameHead)
        {
            int length = Math.Min(bytes.Length, FrameHead + ((bytes[0] << 16) | (bytes[1] << 8) | bytes[2]));
            frames.Add(bytes[..length].ToArray());
            bytes = bytes[length..];
        }

        return frames;
    }

    private static string KindsOf(List<byte[]> frames) => string.Concat(frames.Take(12).Select(frame => (char)('a' + Math.Min(frame[3], (byte)25))));
}
