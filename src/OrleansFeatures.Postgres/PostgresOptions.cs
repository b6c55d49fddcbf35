using System.Text.RegularExpressions;

namespace OrleansFeatures.Postgres;

/// <summary>Where the cluster's PostgreSQL is, and what the store in it is like. Checked by <see cref="PostgresStore.OpenAsync"/>.</summary>
public sealed partial record PostgresOptions
{
    /// <summary>
    /// As Npgsql reads it: <c>Host=...;Username=...;Password=...;Database=...</c>. A direct connection or a pooler in session mode: notifications and prepared statements do not pass one in transaction mode.
    /// The schema, keep-alive and statement preparation are set by the store.
    /// </summary>
    public required string ConnectionString { get; init; }

    /// <summary>The schema that holds every table of the store; created when it is not there. Lower-case letters, digits and underscores.</summary>
    public string Schema { get; init; } = "orleans_features";

    /// <summary>Chosen when the store is created, and never changed: every entity has its partition by it. 1 to <see cref="OrleansFeatures.Log.Limits.PartitionCountMax"/>; at most some hundred are sensible, because every append writes a row for each partition it touches.</summary>
    public int PartitionCount { get; init; } = 64;

    /// <summary>Connections of the pool that everything but the log's own few shares: states, metadata, history.</summary>
    public int PoolConnectionsMax { get; init; } = Limits.PoolConnectionsMax;

    /// <summary>
    /// How long PostgreSQL lets a silo sit in its append transaction without a word. One that hangs there holds up every other, so its connection is cut off after this; nothing of its append is kept. At least twice
    /// <see cref="PresenceMax"/>, which is waited for inside.
    /// </summary>
    public TimeSpan AppendIdleMax { get; init; } = Limits.AppendIdleMax;

    /// <summary>How long entities may take to say whether they can give back an event that is to be corrected.</summary>
    public TimeSpan PresenceMax { get; init; } = Limits.PresenceMax;

    /// <summary>Bytes of batches that may wait for the log in this process.</summary>
    public long AppendQueueBytesMax { get; init; } = Limits.AppendQueueBytesMax;

    /// <exception cref="ArgumentException">Names the option and what it may be.</exception>
    internal void Validate()
    {
        if (!SchemaName().IsMatch(Schema))
        {
            throw new ArgumentException($"PostgresOptions.Schema is '{Schema}'; it must be 1 to {Limits.SchemaNameBytesMax} lower-case letters, digits and underscores, the first no digit");
        }

        if (PartitionCount is < 1 or > OrleansFeatures.Log.Limits.PartitionCountMax)
        {
            throw new ArgumentException($"PostgresOptions.PartitionCount is {PartitionCount}; it must be 1 to {OrleansFeatures.Log.Limits.PartitionCountMax}");
        }

        if (PoolConnectionsMax < 1 || AppendQueueBytesMax < 1 || PresenceMax <= TimeSpan.Zero || AppendIdleMax < 2 * PresenceMax)
        {
            throw new ArgumentException("PostgresOptions: PoolConnectionsMax and AppendQueueBytesMax must be at least 1, PresenceMax positive, and AppendIdleMax at least twice PresenceMax");
        }
    }

    [GeneratedRegex("^[a-z_][a-z0-9_]{0,39}$")]
    private static partial Regex SchemaName();
}
