namespace OrleansFeatures.Log.Format;

/// <summary>A file open for reading that says which one it is when the disk fails under it.</summary>
internal sealed class ReadFile(ILogFile file, string path) : ILogFile
{
    public long Length => file.Length;

    public int Read(long position, Span<byte> buffer)
    {
        try
        {
            return file.Read(position, buffer);
        }
        catch (IOException e)
        {
            throw new LogReadException(path, position, e);
        }
    }

    public void Write(long position, IReadOnlyList<ReadOnlyMemory<byte>> buffers) => throw ReadOnly();

    public void Sync() => throw ReadOnly();

    public void Truncate(long length) => throw ReadOnly();

    public bool TryReserve(long length) => throw ReadOnly();

    public void Dispose() => file.Dispose();

    private LogInvariantException ReadOnly() => new($"{path} was opened for reading, and something tried to change it.");
}
