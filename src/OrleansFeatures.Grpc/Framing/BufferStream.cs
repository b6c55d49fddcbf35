namespace Grpc.Framing;

/// <summary>A write-only stream into a <see cref="PooledBuffer"/>, for compressors, which only know streams.</summary>
internal sealed class BufferStream(PooledBuffer buffer) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => buffer.WrittenCount;

    public override long Position
    {
        get => buffer.WrittenCount;
        set => throw new NotSupportedException("This stream only appends.");
    }

    public override void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(buffer.GetSpan(bytes.Length));
        buffer.Advance(bytes.Length);
    }

    public override void Write(byte[] bytes, int offset, int count) => Write(bytes.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] bytes, int offset, int count) => throw new NotSupportedException("This stream only appends.");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("This stream only appends.");

    public override void SetLength(long value) => throw new NotSupportedException("This stream only appends.");
}
