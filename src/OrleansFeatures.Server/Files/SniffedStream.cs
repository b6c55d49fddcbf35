namespace OrleansFeatures.Server.Files;

/// <summary>
/// A read-only stream whose first bytes can be looked at before anyone reads them, also when it cannot seek (stdin, gzip), and that
/// counts what was read.
/// </summary>
internal sealed class SniffedStream(Stream inner) : Stream
{
    private readonly byte[] _head = new byte[HeadBytes];
    private int _headLength;
    private int _headRead;
    private long _position;

    /// <summary>Enough for every magic number and a first line's beginning.</summary>
    public const int HeadBytes = 4096;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    /// <summary>Bytes handed to the reader so far. May be read from another thread, for progress.</summary>
    public override long Position
    {
        get => Interlocked.Read(ref _position);
        set => throw new NotSupportedException();
    }

    /// <summary>The first bytes, up to <see cref="HeadBytes"/>; fewer only when the stream is shorter. To be called before the first read.</summary>
    public ReadOnlySpan<byte> Peek()
    {
        if (_headLength == 0)
        {
            _headLength = inner.ReadAtLeast(_head, HeadBytes, throwOnEndOfStream: false);
        }

        return _head.AsSpan(0, _headLength);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int read;
        if (_headRead < _headLength)
        {
            read = Math.Min(buffer.Length, _headLength - _headRead);
            _head.AsSpan(_headRead, read).CopyTo(buffer);
            _headRead += read;
        }
        else
        {
            read = inner.Read(buffer);
        }

        Interlocked.Add(ref _position, read);
        return read;
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}
