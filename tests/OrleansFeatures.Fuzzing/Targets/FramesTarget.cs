using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Framing;
using Grpc.Net.Compression;
using OrleansFeatures.Fuzzing.Engine;

namespace OrleansFeatures.Fuzzing.Targets;

/// <summary>
/// gRPC's length-prefixed messages, as they come off an HTTP/2 stream in pieces of any size. The first byte of an input says how it comes: which encoding is announced, whether the call takes one message or many, and how
/// long the pieces are. Messages that were read, written again, are read as the same.
/// </summary>
internal sealed class FramesTarget : FuzzTarget
{
    private const int MessageBytesMax = 64 * 1024;
    private static readonly ICompressionProvider?[] Encodings = [null, new GzipCompressionProvider(CompressionLevel.Fastest), new DeflateCompressionProvider(CompressionLevel.Fastest)];
    private static readonly int[] Pieces = [1, 3, 17, int.MaxValue];

    public override string Name => "frames";

    public override IReadOnlyList<byte[]> Tokens { get; } = [[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 255, 255, 255, 255], [0, 0, 1, 0, 0], [0, 0, 1, 0, 1], [0x1f, 0x8b, 8, 0], [2]];

    /// <summary>A compressed message of some ten bytes may inflate to all that one message may be, which is copied once.</summary>
    public override long AllocationMax(int length) => (4 * Limits.AllocationBase) + (length / 16 * 4L * MessageBytesMax);

    public override IEnumerable<byte[]> Seeds()
    {
        byte[][] messages = [[], [1, 2, 3], new byte[300], [.. Enumerable.Range(0, 2_000).Select(value => (byte)(value * 7))]];
        for (int encoding = 0; encoding < Encodings.Length; encoding++)
        {
            foreach (byte[] message in messages)
            {
                yield return [(byte)(encoding | (3 << 3)), .. Frame(message, Encodings[encoding])];
            }

            yield return [(byte)(encoding | 4), .. messages.SelectMany(message => Frame(message, Encodings[encoding]))];
        }

        // A bomb: a megabyte of zeros in a thousand bytes.
        yield return [1 | 4 | (3 << 3), .. Frame(new byte[1024 * 1024], Encodings[1])];
    }

    public override byte[]? Mutate(byte[] input, Random random, IReadOnlyList<byte[]> corpus)
    {
        // The length of the first message is made to fit after a change of what follows it.
        byte[] changed = Mutator.Bytes(input, random, corpus, Tokens);
        if (changed.Length < 6)
        {
            return null;
        }

        BinaryPrimitives.WriteInt32BigEndian(changed.AsSpan(2), changed.Length - 6);
        return changed;
    }

    public override Verdict Run(byte[] input)
    {
        byte head = input.Length == 0 ? (byte)0 : input[0];
        ICompressionProvider? encoding = Encodings[(head & 3) % Encodings.Length];
        PipeReader pipe = PipeReader.Create(InPieces(input.AsMemory(Math.Min(1, input.Length)), Pieces[(head >> 3) & 3]));
        var reader = new MessageReader(pipe, new MessageReaderSettings(MessageBytesMax, encoding));
        List<byte[]> messages = [];
        string refusal = "";
        try
        {
            ReadAll(reader, many: (head & 4) != 0, messages);
        }
        catch (RpcException refused) when (refused.StatusCode is StatusCode.Internal or StatusCode.Unimplemented or StatusCode.ResourceExhausted && refused.Status.Detail.Length > 0)
        {
            refusal = refused.Status.Detail;
        }

        foreach (byte[] message in messages)
        {
            WrongAnswerException.Unless(message.Length <= MessageBytesMax, $"a message has {message.Length} bytes, more than it may");
            CheckAgain(message, encoding);
        }

        return refusal.Length == 0 ? Verdict.Accept($"{Math.Min(messages.Count, 5)} {head & 7}") : Verdict.Refuse(refusal);
    }

    private static void ReadAll(MessageReader reader, bool many, List<byte[]> messages)
    {
        if (!many)
        {
            messages.Add(Now(reader.ReadOnlyAsync(context => context.PayloadAsNewBuffer())));
            return;
        }

        while (Now(reader.ReadAsync(context => context.PayloadAsNewBuffer())) is { } message)
        {
            messages.Add(message);
        }

        WrongAnswerException.Unless(reader.IsAtEnd, "no more messages, and not at the end");
    }

    /// <summary>Everything has arrived, so nothing waits.</summary>
    private static T Now<T>(ValueTask<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : throw new WrongAnswerException("a read waits for bytes although all have come");

    private static void CheckAgain(byte[] message, ICompressionProvider? encoding)
    {
        byte[] frame = Frame(message, encoding);
        var reader = new MessageReader(PipeReader.Create(new ReadOnlySequence<byte>(frame)), new MessageReaderSettings(MessageBytesMax, encoding));
        WrongAnswerException.Unless(Now(reader.ReadOnlyAsync(context => context.PayloadAsNewBuffer())).AsSpan().SequenceEqual(message), "a message written again is another one");
    }

    private static byte[] Frame(byte[] message, ICompressionProvider? encoding)
    {
        var target = new ArrayBufferWriter<byte>();
        MessageWriter.Write(target, message, (bytes, context) => context.Complete(bytes), new FrameSettings(int.MaxValue, encoding, CompressionLevel.Fastest));
        return target.WrittenSpan.ToArray();
    }

    private static ReadOnlySequence<byte> InPieces(ReadOnlyMemory<byte> bytes, int length)
    {
        Piece first = new(bytes[..Math.Min(length, bytes.Length)]);
        Piece last = first;
        for (int at = last.Memory.Length; at < bytes.Length; at += last.Memory.Length)
        {
            last = last.Append(bytes[at..Math.Min(bytes.Length, at + length)]);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Piece Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Piece(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
