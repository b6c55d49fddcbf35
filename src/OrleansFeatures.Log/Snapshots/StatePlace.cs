namespace OrleansFeatures.Log.Snapshots;

/// <summary>
/// Where a state record lies, in 64 bits: number of the file (high 24 bits) and byte position of the record in it (low 40 bits). The default is nowhere: files count from 1. A place holds from
/// <see cref="SnapshotWriter.Add"/> until the file has been a victim of a committed checkpoint; places given by a checkpoint that was not committed are void.
/// </summary>
public readonly record struct StatePlace(ulong Bits)
{
    private const int PositionBits = 40;

    /// <summary>The last position that a place can name.</summary>
    internal const long PositionMax = (1L << PositionBits) - 1;

    public bool IsNowhere => Bits == 0;

    public long File => (long)(Bits >> PositionBits);

    public long Position => (long)(Bits & PositionMax);

    public static StatePlace At(long file, long position)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(file, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(file, Limits.StateFileNumberMax);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, PositionMax);
        return new StatePlace(((ulong)file << PositionBits) | (ulong)position);
    }

    public override string ToString() => IsNowhere ? "nowhere" : $"file {File}, byte {Position}";
}
