using OrleansFeatures.Log.Format;

namespace OrleansFeatures.Log.Inspection;

/// <summary>
/// A file whose unreadable blocks do not end the reading: they are filled with bytes that no frame can check with, so that they show as damage where they lie and what lies behind them is still found.
/// </summary>
internal sealed class SurveyedFile(ILogFile file) : ILogFile
{
    /// <summary>The unit in which a failing read is tried again: a page, which is what the system reads at the least.</summary>
    private const int BlockBytes = 4096;

    private const byte Filling = 0xDB;

    private readonly List<(long Position, string Reason)> _unreadable = [];

    public long Length => file.Length;

    /// <summary>Why the first unreadable block from one position to before another could not be read; null when all could.</summary>
    public string? Unreadable(long from, long to)
    {
        foreach (var (position, reason) in _unreadable)
        {
            if (position + BlockBytes > from && position < to)
            {
                return reason;
            }
        }

        return null;
    }

    public int Read(long position, Span<byte> buffer)
    {
        try
        {
            return file.Read(position, buffer);
        }
        catch (LogReadException)
        {
            return ReadBlocks(position, buffer[..(int)Math.Max(0, Math.Min(buffer.Length, Length - position))]);
        }
    }

    public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers) => file.Write(position, buffers);

    public void Sync() => file.Sync();

    public void Truncate(long length) => file.Truncate(length);

    public bool TryReserve(long length) => file.TryReserve(length);

    public void Dispose() => file.Dispose();

    private int ReadBlocks(long position, Span<byte> buffer)
    {
        for (var at = 0; at < buffer.Length;)
        {
            var size = (int)Math.Min(buffer.Length - at, BlockBytes - ((position + at) % BlockBytes));
            var block = buffer.Slice(at, size);
            try
            {
                file.Read(position + at, block);
            }
            catch (LogReadException e)
            {
                block.Fill(Filling);
                Note(position + at, e);
            }

            at += size;
        }

        return buffer.Length;
    }

    private void Note(long position, LogReadException failure)
    {
        var block = position - (position % BlockBytes);
        if (_unreadable.Count < Limits.DamagesPerSegmentMax && !_unreadable.Any(known => known.Position == block))
        {
            _unreadable.Add((block, failure.InnerException!.Message));
        }
    }
}
