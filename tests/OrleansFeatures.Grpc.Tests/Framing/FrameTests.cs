using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Framing;
using Grpc.Net.Compression;
using Grpc.Tests.Kit;

namespace Grpc.Tests.Framing;

/// <summary>Messages through writer and reader, and what the reader says of bytes that no writer made.</summary>
public class FrameTests
{
    private const int Limit = 1 << 20;
    private static readonly ICompressionProvider Gzip = new GzipCompressionProvider(CompressionLevel.Fastest);
    private static readonly ICompressionProvider Deflate = new DeflateCompressionProvider(CompressionLevel.Fastest);

    public static TheoryData<string> Codings => ["identity", "gzip", "deflate"];

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task Messages_come_back_however_the_bytes_are_split(string coding)
    {
        const int seed = 4242;
        var random = new Random(seed);
        ICompressionProvider? compression = Provider(coding);
        for (var round = 0; round < 60; round++)
        {
            byte[][] messages = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => RandomMessage(random))];
            byte[] wire = Frames(messages, compression);
            var reader = new MessageReader(Split(wire, random), new MessageReaderSettings(Limit, compression));
            foreach (byte[] message in messages)
            {
                (await reader.ReadAsync(Bytes, Wait.Token)).ShouldBe(message, $"seed {seed}, round {round}");
                reader.LastWasCompressed.ShouldBe(compression is not null && message.Length > 0);
            }

            (await reader.ReadAsync(Bytes, Wait.Token)).ShouldBeNull();
            reader.IsAtEnd.ShouldBeTrue();
        }
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public async Task A_stream_cut_at_any_byte_inside_a_message_is_an_error_and_between_messages_is_its_end(string coding)
    {
        ICompressionProvider? compression = Provider(coding);
        byte[] first = Frames([[1, 2, 3]], compression);
        byte[] wire = [.. first, .. Frames([[9, 9, 9, 9, 9]], compression)];
        for (var cut = 0; cut <= wire.Length; cut++)
        {
            var reader = Reader(wire.AsSpan(0, cut), Limit, compression);
            var read = new List<byte[]>();
            RpcException? failure = null;
            try
            {
                while (await reader.ReadAsync(Bytes, Wait.Token) is { } message)
                {
                    read.Add(message);
                }
            }
            catch (RpcException exception)
            {
                failure = exception;
            }

            read.Count.ShouldBe((cut >= first.Length ? 1 : 0) + (cut == wire.Length ? 1 : 0), $"cut at {cut}");
            if (cut == 0 || cut == first.Length || cut == wire.Length)
            {
                failure.ShouldBeNull($"cut at {cut}");
            }
            else
            {
                failure.ShouldNotBeNull($"cut at {cut}").StatusCode.ShouldBe(StatusCode.Internal);
            }
        }
    }

    [Fact]
    public async Task A_prefix_that_does_not_start_with_0_or_1_is_internal()
    {
        for (var flag = 2; flag < 256; flag++)
        {
            var failure = await FailureAsync([(byte)flag, 0, 0, 0, 0], Limit, Gzip);
            failure.StatusCode.ShouldBe(StatusCode.Internal, $"flag {flag}");
        }
    }

    [Fact]
    public async Task A_compressed_message_without_an_encoding_is_internal() =>
        (await FailureAsync(Frames([[1]], Gzip), Limit, null)).StatusCode.ShouldBe(StatusCode.Internal);

    [Theory]
    [InlineData(1001u)]
    [InlineData(0x7FFFFFFFu)]
    [InlineData(0x80000000u)]
    [InlineData(0xFFFFFFFFu)]
    public async Task A_length_over_the_limit_is_refused_before_the_message_arrives(uint length)
    {
        var prefix = new byte[5];
        BinaryPrimitives.WriteUInt32BigEndian(prefix.AsSpan(1), length);
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(prefix, Wait.Token);

        // The pipe stays open: a reader that wanted the message first would wait forever.
        var reader = new MessageReader(pipe.Reader, new MessageReaderSettings(1000, null));
        var failure = await Should.ThrowAsync<RpcException>(() => Wait.For(reader.ReadAsync(Bytes, Wait.Token).AsTask()));

        failure.StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        failure.Status.Detail.ShouldContain("1000");
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task A_bomb_is_refused_once_it_has_grown_past_the_limit(string coding)
    {
        byte[] wire = Frames([new byte[64 * 1024 * 1024]], Provider(coding));
        wire.Length.ShouldBeLessThan(Limit, "the wire size alone must not be what refuses it");
        long before = GC.GetAllocatedBytesForCurrentThread();

        // All bytes are there, so the read ends on this thread, whose allocations are counted.
        Task<byte[]?> read = Reader(wire, Limit, Provider(coding)).ReadAsync(Bytes, Wait.Token).AsTask();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        (await Should.ThrowAsync<RpcException>(() => read)).StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        allocated.ShouldBeLessThan(8 * Limit, "inflation must stop near the limit");
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task A_message_inflated_to_exactly_the_limit_is_taken_and_one_byte_more_is_not(string coding)
    {
        ICompressionProvider provider = Provider(coding)!;
        (await Reader(Frames([new byte[Limit]], provider), Limit, provider).ReadAsync(Bytes, Wait.Token))!.Length.ShouldBe(Limit);
        (await FailureAsync(Frames([new byte[Limit + 1]], provider), Limit, provider)).StatusCode.ShouldBe(StatusCode.ResourceExhausted);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task A_compressed_payload_cut_short_or_damaged_is_internal_and_never_a_shorter_message(string coding)
    {
        const int seed = 99;
        var random = new Random(seed);
        var message = new byte[200];
        random.NextBytes(message);
        byte[] payload = Frames([message], Provider(coding))[5..];
        for (var length = 1; length < payload.Length; length++)
        {
            Task<byte[]?> read = Reader(Framed(payload[..length]), Limit, Provider(coding)).ReadAsync(Bytes, Wait.Token).AsTask();
            (await Should.ThrowAsync<RpcException>(() => read, $"{coding} cut to {length} of {payload.Length}")).StatusCode.ShouldBe(StatusCode.Internal);
        }

        // A damaged byte is either noticed or lies in a part that carries no data, such as gzip's time stamp.
        for (var at = 0; at < payload.Length; at++)
        {
            byte[] damaged = [.. payload];
            damaged[at] ^= 0xFF;
            try
            {
                (await Reader(Framed(damaged), Limit, Provider(coding)).ReadAsync(Bytes, Wait.Token)).ShouldBe(message, $"seed {seed}, byte {at}");
            }
            catch (RpcException exception)
            {
                exception.StatusCode.ShouldBeOneOf(StatusCode.Internal, StatusCode.ResourceExhausted);
            }
        }
    }

    [Fact]
    public async Task Garbage_never_ends_in_anything_but_messages_or_a_status()
    {
        const int seed = 31;
        var random = new Random(seed);
        for (var round = 0; round < 3_000; round++)
        {
            var garbage = new byte[random.Next(64)];
            random.NextBytes(garbage);
            for (var i = 0; i + 4 < garbage.Length; i += random.Next(1, 9))
            {
                // Small lengths, so that some garbage reaches the parser.
                (garbage[i], garbage[i + 1], garbage[i + 2], garbage[i + 3]) = ((byte)random.Next(2), 0, 0, 0);
            }

            var reader = Reader(garbage, Limit, random.Next(2) == 0 ? Gzip : null);
            try
            {
                while (await reader.ReadAsync(Bytes, Wait.Token) is not null)
                {
                }
            }
            catch (RpcException exception)
            {
                exception.StatusCode.ShouldBeOneOf(StatusCode.Internal, StatusCode.ResourceExhausted);
            }
        }
    }

    [Fact]
    public async Task Where_one_message_is_due_none_and_two_are_refused()
    {
        foreach (byte[] wire in new byte[][] { [], Frames([[1], [2]], null), [.. Frames([[1]], null), 0] })
        {
            var failure = await Should.ThrowAsync<RpcException>(() => Reader(wire, Limit, null).ReadOnlyAsync(Bytes, Wait.Token).AsTask());
            failure.StatusCode.ShouldBe(StatusCode.Unimplemented);
        }
    }

    [Fact]
    public async Task A_deserializer_that_throws_is_internal_and_keeps_the_cause()
    {
        var reader = Reader(Frames([[1]], null), Limit, null);
        var failure = await Should.ThrowAsync<RpcException>(() => reader.ReadAsync<byte[]>(_ => throw new FormatException("no such letter"), Wait.Token).AsTask());
        failure.StatusCode.ShouldBe(StatusCode.Internal);
        failure.Status.DebugException.ShouldBeOfType<FormatException>();
    }

    [Fact]
    public void A_message_over_the_send_limit_is_refused_with_nothing_written()
    {
        foreach (Action<byte[], SerializationContext> serializer in (Action<byte[], SerializationContext>[])[ByArray, ByWriter, ByWriterOfUnknownLength])
        {
            var target = new ArrayBufferWriter<byte>();
            var failure = Should.Throw<RpcException>(() => MessageWriter.Write(target, new byte[11], serializer, new FrameSettings(10, null, null)));
            failure.StatusCode.ShouldBe(StatusCode.ResourceExhausted);
            target.WrittenCount.ShouldBe(0);
            MessageWriter.Write(target, new byte[10], serializer, new FrameSettings(10, null, null));
            target.WrittenCount.ShouldBe(15);
        }
    }

    [Fact]
    public void A_serializer_that_breaks_its_word_is_named()
    {
        var target = new ArrayBufferWriter<byte>();
        Should.Throw<InvalidOperationException>(() => MessageWriter.Write(target, "", (_, _) => { }, default)).Message.ShouldContain("Complete");
        Should.Throw<InvalidOperationException>(() => MessageWriter.Write(
            target,
            "",
            (_, context) =>
            {
                context.SetPayloadLength(3);
                context.GetBufferWriter().Write(new byte[] { 1 });
                context.Complete();
            },
            default)).Message.ShouldContain("declared 3 bytes and wrote 1");
    }

    [Fact]
    public void A_serializer_may_itself_write_a_message()
    {
        var inner = new ArrayBufferWriter<byte>();
        var outer = new ArrayBufferWriter<byte>();
        MessageWriter.Write(
            outer,
            new byte[] { 7 },
            (message, context) =>
            {
                MessageWriter.Write(inner, new byte[] { 8, 8 }, ByWriter, default);
                ByWriter(message, context);
            },
            default);
        outer.WrittenSpan.ToArray().ShouldBe([0, 0, 0, 0, 1, 7]);
        inner.WrittenSpan.ToArray().ShouldBe([0, 0, 0, 0, 2, 8, 8]);
    }

    private static void ByArray(byte[] message, SerializationContext context) => context.Complete(message);

    private static void ByWriter(byte[] message, SerializationContext context)
    {
        context.SetPayloadLength(message.Length);
        context.GetBufferWriter().Write(message);
        context.Complete();
    }

    private static void ByWriterOfUnknownLength(byte[] message, SerializationContext context)
    {
        context.GetBufferWriter().Write(message);
        context.Complete();
    }

    private static byte[] Bytes(DeserializationContext context) => context.PayloadAsNewBuffer();

    private static ICompressionProvider? Provider(string coding) => coding switch { "gzip" => Gzip, "deflate" => Deflate, _ => null };

    private static byte[] RandomMessage(Random random)
    {
        var message = new byte[random.Next(3) switch { 0 => random.Next(4), 1 => random.Next(300), _ => random.Next(30_000) }];
        random.NextBytes(message);
        return message;
    }

    private static byte[] Frames(IEnumerable<byte[]> messages, ICompressionProvider? compression)
    {
        var target = new ArrayBufferWriter<byte>();
        foreach (byte[] message in messages)
        {
            MessageWriter.Write(target, message, ByWriter, new FrameSettings(null, compression, null));
        }

        return target.WrittenSpan.ToArray();
    }

    private static byte[] Framed(byte[] compressedPayload)
    {
        var prefix = new byte[5];
        prefix[0] = 1;
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), compressedPayload.Length);
        return [.. prefix, .. compressedPayload];
    }

    private static MessageReader Reader(ReadOnlySpan<byte> wire, int limit, ICompressionProvider? compression) =>
        new(PipeReader.Create(new ReadOnlySequence<byte>(wire.ToArray())), new MessageReaderSettings(limit, compression));

    private static Task<RpcException> FailureAsync(byte[] wire, int limit, ICompressionProvider? compression) =>
        Should.ThrowAsync<RpcException>(() => Reader(wire, limit, compression).ReadAsync(Bytes, Wait.Token).AsTask());

    /// <summary>The bytes in segments of random length, some only one byte long, delivered one segment per read.</summary>
    private static PipeReader Split(byte[] wire, Random random) => PipeReader.Create(new DribblingStream(wire, random), new StreamPipeReaderOptions(bufferSize: 64));

    private sealed class DribblingStream(byte[] bytes, Random random) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, random.Next(2) == 0 ? 1 : random.Next(1, 5_000))], cancellationToken);
    }
}
