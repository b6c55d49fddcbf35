using System.Collections.Immutable;

namespace OrleansFeatures.Log.Inspection;

/// <summary>
/// What an opening with <see cref="DamageRecovery.Skip"/> gave up. The damaged files are where they were, byte for byte; <paramref name="SetAside"/> are copies of files that had to be written anew.
/// </summary>
public sealed record LossReport(ImmutableArray<LogDamage> Damage, ImmutableArray<string> SetAside)
{
    /// <summary>Records lost, at most.</summary>
    public long Records => Damage.Sum(damage => damage.Records);

    /// <summary>One line for each damaged place.</summary>
    public override string ToString() => string.Join(Environment.NewLine, Damage.Select(damage => damage.ToString()).Concat(SetAside.Select(path => $"A copy of the damaged file is kept as {path}.")));
}
