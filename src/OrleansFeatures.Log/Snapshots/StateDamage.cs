namespace OrleansFeatures.Log.Snapshots;

/// <summary>One damaged place of the state's files: where, what is wrong, and what is concerned by it. A position of -1: the whole file.</summary>
public sealed record StateDamage(string File, long BytePosition, string Reason, string Concerned)
{
    public override string ToString() => $"{File}{(BytePosition < 0 ? "" : $", byte {BytePosition}")}: {Reason}. Concerned: {Concerned}.";
}
