using System.Collections.Immutable;

namespace OrleansFeatures.Log.Snapshots;

/// <summary>What reading every byte of one file has shown. Records are those found sound.</summary>
public sealed record StateFileReport(string File, long Bytes, long Records, ImmutableArray<StateDamage> Damage)
{
    public bool IsSound => Damage.IsEmpty;
}

/// <summary>What reading every byte of a state directory has shown, file by file: the manifest, its copy, then the state files, oldest first.</summary>
public sealed record StateReport(ImmutableArray<StateFileReport> Files)
{
    public bool IsSound => Files.All(file => file.IsSound);

    public IEnumerable<StateDamage> Damage => Files.SelectMany(file => file.Damage);
}
