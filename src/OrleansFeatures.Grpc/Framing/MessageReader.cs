using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Net.Compression;

namespace Grpc.Framing;

/// <summary>
/// Takes messages out of a pipe. A message is parsed where it lies, once all of it has arrived; its length is checked as soon as the prefix
/// is there, so an oversized one is refused before it is buffered. Whatever is wrong is thrown as <see cref="RpcException"/> with the status
/// that grpc's statuscodes document assigns. One reader at a time.
/// </summary>
internal sealed class MessageReader(PipeReader pipe, MessageReaderSettings settings)
{
    /// <summary>Whether the message read last was compressed on the wire.</summary>
    public bool LastWasCompressed { get; private set; }

    /// <summary>Whether the stream has ended, so that what follows a body on the wire is known.</summary>
    public bool IsAtEnd { get; private set; }

    /// <summary>The next message, or null when the stream ended between messages.</summary>
    /// <exception cref="OperationCanceledException">The read was cancelled through the pipe or the token.</exception>
    public async ValueTask<T?> ReadAsync<T>(Func<DeserializationContext, T> deserializer, CancellationToken cancellationToken = default)
        where T : class
    {
        while (true)
        {
            var result = await pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
            ThrowIfCancelled(result);
            var rest = result.Buffer;
            if (TryTake(ref rest, deserializer, out var message))
            {
                pipe.AdvanceTo(rest.Start);
                return message;
            }

            ThrowIfTruncated(result, rest);
            pipe.AdvanceTo(rest.Start, rest.End);
            if (result.IsCompleted)
            {
                IsAtEnd = true;
                return null;
            }
        }
    }

    /// <summary>
    /// The one message of a call that has exactly one, and the end of the stream after it: no message and a second one are both
    /// cardinality violations.
    /// </summary>
    public async ValueTask<T> ReadOnlyAsync<T>(Func<DeserializationContext, T> deserializer, CancellationToken cancellationToken = default)
        where T : class
    {
        T? message = null;
        while (true)
        {
            var result = await pipe.ReadAsync(cancellationToken).ConfigureAwait(false);
            ThrowIfCancelled(result);
            var rest = result.Buffer;
            if (message is null && TryTake(ref rest, deserializer, out var taken))
            {
                message = taken;
            }

            if (message is not null && !rest.IsEmpty)
            {
                throw Failure(StatusCode.Unimplemented, "This call takes exactly one message, and more bytes follow the first.");
            }

            ThrowIfTruncated(result, rest);
            pipe.AdvanceTo(rest.Start, rest.End);
            if (result.IsCompleted)
            {
                IsAtEnd = true;
                return message ?? throw Failure(StatusCode.Unimplemented, "This call takes exactly one message, and the stream ended without any.");
            }
        }
    }

    private void ThrowIfCancelled(ReadResult result)
    {
        if (result.IsCanceled)
        {
            // Nothing is consumed, so that a reader whose own token was cancelled may go on later.
            pipe.AdvanceTo(result.Buffer.Start);
            throw new OperationCanceledException("The read was cancelled.");
        }
    }

    private static void ThrowIfTruncated(ReadResult result, ReadOnlySequence<byte> rest)
    {
        if (result.IsCompleted && !rest.IsEmpty)
        {
            throw Failure(StatusCode.Internal, $"The stream ended inside a message, {rest.Length} bytes after its start.");
        }
    }

    private bool TryTake<T>(ref ReadOnlySequence<byte> buffer, Func<DeserializationContext, T> deserializer, out T? message)
        where T : class
    {
        message = null;
        if (buffer.Length < Limits.PrefixBytes)
        {
            return false;
        }

        var (compressed, length) = ReadPrefix(buffer);
        if (buffer.Length - Limits.PrefixBytes < length)
        {
            return false;
        }

        var payload = buffer.Slice(Limits.PrefixBytes, length);
        LastWasCompressed = compressed;
        message = compressed ? Inflate(payload, deserializer) : Payload.Read(payload, deserializer);
        buffer = buffer.Slice(payload.End);
        return true;
    }

    private (bool Compressed, int Length) ReadPrefix(ReadOnlySequence<byte> buffer)
    {
        Span<byte> copy = stackalloc byte[Limits.PrefixBytes];
        scoped ReadOnlySpan<byte> prefix = buffer.FirstSpan;
        if (prefix.Length < Limits.PrefixBytes)
        {
            buffer.Slice(0, Limits.PrefixBytes).CopyTo(copy);
            prefix = copy;
        }

        var flag = prefix[0];
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (flag > 1)
        {
            throw Failure(StatusCode.Internal, $"The message prefix starts with {flag}; the compressed flag is 0 or 1.");
        }

        if (flag == 1 && settings.Compression is null)
        {
            throw Failure(StatusCode.Internal, "The message is flagged as compressed, but grpc-encoding names no compression.");
        }

        if (length > settings.MaxBytes)
        {
            throw TooLarge(length);
        }

        return (flag == 1, (int)length);
    }

    private T Inflate<T>(ReadOnlySequence<byte> payload, Func<DeserializationContext, T> deserializer)
        where T : class
    {
        using var inflated = new PooledBuffer(Limits.InflateStartBytes);
        try
        {
            using var stream = settings.Compression!.CreateDecompressionStream(new SequenceStream(payload));
            while (true)
            {
                var read = stream.Read(inflated.GetSpan());
                if (read == 0)
                {
                    break;
                }

                inflated.Advance(read);
                if (inflated.WrittenCount > settings.MaxBytes)
                {
                    throw TooLarge(inflated.WrittenCount);
                }
            }
        }
        catch (Exception damaged) when (damaged is InvalidDataException or IOException)
        {
            throw Failure(StatusCode.Internal, $"The message is not valid {settings.Compression!.EncodingName}.", damaged);
        }

        return Payload.Read(new ReadOnlySequence<byte>(inflated.WrittenMemory), deserializer);
    }

    private RpcException TooLarge(long length) => Failure(
        StatusCode.ResourceExhausted,
        $"The received message has {length} bytes or more; MaxReceiveMessageSize is {settings.MaxBytes}. Send less at once or raise the limit.");

    private static RpcException Failure(StatusCode code, string detail, Exception? cause = null) => new(new Status(code, detail, cause));
}

/// <summary>What a reader accepts: the largest message, after inflation too, and the encoding that grpc-encoding named, if any.</summary>
internal readonly record struct MessageReaderSettings(int MaxBytes, ICompressionProvider? Compression);
