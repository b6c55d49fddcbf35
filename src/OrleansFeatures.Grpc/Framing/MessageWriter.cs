using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using Grpc.Core;
using Grpc.Net.Compression;

namespace Grpc.Framing;

/// <summary>
/// Writes one message as a frame. A message whose length is known beforehand (all of protobuf's) and that is not compressed goes straight
/// into the target; any other is gathered first, because the prefix carries the length.
/// <code>
///   | flag: 0 plain, 1 compressed (1 byte) | length (4 bytes, big endian) | message |
/// </code>
/// Serialization is synchronous, so one instance per thread serves every call, without allocation.
/// </summary>
internal sealed class MessageWriter : SerializationContext, IBufferWriter<byte>
{
    private const int UnknownLength = -1;

    [ThreadStatic]
    private static MessageWriter? t_idle;

    private IBufferWriter<byte> _target = null!;
    private FrameSettings _settings;
    private PooledBuffer? _gathered;
    private int _declaredLength;
    private int _writtenLength;
    private bool _complete;

    /// <summary>Throws <see cref="RpcException"/> with RESOURCE_EXHAUSTED, before anything was written, if the message exceeds the send limit.</summary>
    public static void Write<T>(IBufferWriter<byte> target, T message, Action<T, SerializationContext> serializer, FrameSettings settings)
    {
        // Taken, not shared: a serializer that itself sends a message on this thread finds none and makes another.
        var writer = t_idle ?? new MessageWriter();
        t_idle = null;
        try
        {
            writer.Begin(target, settings);
            serializer(message, writer);
            writer.End();
        }
        finally
        {
            writer.Release();
            t_idle = writer;
        }
    }

    public override void SetPayloadLength(int payloadLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        CheckLimit(payloadLength);
        _declaredLength = payloadLength;
    }

    public override IBufferWriter<byte> GetBufferWriter()
    {
        if (_declaredLength != UnknownLength && _settings.Compression is null)
        {
            (_target as PooledBuffer)?.Reserve(Limits.PrefixBytes + _declaredLength);
            WritePrefix(_declaredLength, compressed: false);
            return this;
        }

        return _gathered ??= new PooledBuffer(_declaredLength == UnknownLength ? Limits.InflateStartBytes : _declaredLength);
    }

    public override void Complete() => _complete = true;

    public override void Complete(byte[] payload)
    {
        CheckLimit(payload.Length);
        _complete = true;
        WritePayload(payload);
    }

    public void Advance(int count)
    {
        _writtenLength += count;
        _target.Advance(count);
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => _target.GetMemory(sizeHint);

    public Span<byte> GetSpan(int sizeHint = 0) => _target.GetSpan(sizeHint);

    private void Begin(IBufferWriter<byte> target, FrameSettings settings)
    {
        _target = target;
        _settings = settings;
        _declaredLength = UnknownLength;
        _writtenLength = 0;
        _complete = false;
    }

    private void End()
    {
        if (!_complete)
        {
            throw new InvalidOperationException("The serializer returned without calling Complete.");
        }

        if (_gathered is not null)
        {
            CheckLimit(_gathered.WrittenCount);
            WritePayload(_gathered.WrittenMemory.Span);
        }
        else if (_declaredLength != UnknownLength && _writtenLength != _declaredLength)
        {
            throw new InvalidOperationException($"The serializer declared {_declaredLength} bytes and wrote {_writtenLength}.");
        }
    }

    private void Release()
    {
        _gathered?.Dispose();
        _gathered = null;
        _target = null!;
        _settings = default;
    }

    private void WritePayload(ReadOnlySpan<byte> payload)
    {
        // An empty message goes plain: the runtime's compressors make nothing of nothing, which is not valid in any encoding. Readers here take it all
        // the same, since other users of those compressors send it.
        if (_settings.Compression is null || payload.IsEmpty)
        {
            WritePrefix(payload.Length, compressed: false);
            Append(payload);
        }
        else
        {
            WriteCompressed(payload, _settings.Compression, _settings.CompressionLevel);
        }

        _declaredLength = UnknownLength;
    }

    private void WriteCompressed(ReadOnlySpan<byte> payload, ICompressionProvider provider, CompressionLevel? level)
    {
        using var compressed = new PooledBuffer(Limits.InflateStartBytes);
        using (var stream = provider.CreateCompressionStream(new BufferStream(compressed), level))
        {
            stream.Write(payload);
        }

        WritePrefix(compressed.WrittenCount, compressed: true);
        Append(compressed.WrittenMemory.Span);
    }

    private void WritePrefix(int length, bool compressed)
    {
        var prefix = _target.GetSpan(Limits.PrefixBytes);
        prefix[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)length);
        _target.Advance(Limits.PrefixBytes);
    }

    private void Append(ReadOnlySpan<byte> bytes) => _target.Write(bytes);

    private void CheckLimit(int length)
    {
        if (length > (_settings.MaxMessageBytes ?? int.MaxValue))
        {
            throw new RpcException(new Status(
                StatusCode.ResourceExhausted,
                $"The message to send has {length} bytes; MaxSendMessageSize is {_settings.MaxMessageBytes}. Send less at once or raise the limit."));
        }
    }
}

/// <summary>What shapes outgoing frames: the send limit and, where this message is to be compressed, how.</summary>
internal readonly record struct FrameSettings(int? MaxMessageBytes, ICompressionProvider? Compression, CompressionLevel? CompressionLevel);
