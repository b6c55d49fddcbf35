using Orleans.Services;

namespace OrleansFeatures.Silo.Operations;

/// <summary>Asks one silo about itself.</summary>
[Alias("OrleansFeatures.ISiloReports")]
internal interface ISiloReports : IGrainService
{
    [Alias("Report")]
    Task<SiloReport> ReportAsync();
}

/// <summary>What a silo says of itself. Numbers are of one moment, and of this silo only.</summary>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.SiloReport")]
internal sealed record SiloReport
{
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>The build, as <see cref="Versions.Build"/>.</summary>
    [Id(1)]
    public required string Build { get; init; }

    [Id(2)]
    public required int InterfaceVersion { get; init; }

    /// <summary>Why it is not ready; null when it is.</summary>
    [Id(3)]
    public string? NotReadyBecause { get; init; }

    /// <summary>What its entities take, and may take.</summary>
    [Id(4)]
    public required long MemoryBytes { get; init; }

    [Id(5)]
    public required long MemoryBudgetBytes { get; init; }

    /// <summary>Where clients find it; empty while it does not listen yet.</summary>
    [Id(6)]
    public required string Grpc { get; init; }

    [Id(7)]
    public required string Http { get; init; }

    /// <summary>The partitions that it owns, whether or not they have caught up.</summary>
    [Id(8)]
    public required IReadOnlyList<PartitionReport> Partitions { get; init; }
}

/// <summary>A partition as its owner sees it.</summary>
[GenerateSerializer, Immutable, Alias("OrleansFeatures.PartitionReport")]
internal sealed record PartitionReport
{
    [Id(0)]
    public required int Partition { get; init; }

    /// <summary>Raised by every new owner; what an older one writes is refused.</summary>
    [Id(1)]
    public required long Epoch { get; init; }

    /// <summary>The newest record in PostgreSQL; -1 where there is none.</summary>
    [Id(2)]
    public required long Durable { get; init; }

    /// <summary>The newest that reads see.</summary>
    [Id(3)]
    public required long Applied { get; init; }

    /// <summary>For how long the oldest record that is not applied has been durable, to a second.</summary>
    [Id(4)]
    public required TimeSpan LagAge { get; init; }

    /// <summary>For how long there has been something applied that no checkpoint has, to a second; zero where all has been saved.</summary>
    [Id(5)]
    public required TimeSpan CheckpointAge { get; init; }

    /// <summary>That have had events, in memory or not.</summary>
    [Id(6)]
    public required long Entities { get; init; }

    /// <summary>In this silo's memory.</summary>
    [Id(7)]
    public required long Awake { get; init; }

    /// <summary>It has applied what was durable when this silo took it over, and answers reads.</summary>
    [Id(8)]
    public required bool CaughtUp { get; init; }

    /// <summary>Checkpoints that failed since this silo took it over; those of a silo that had lost it are not counted.</summary>
    [Id(9)]
    public required long CheckpointFailures { get; init; }

    /// <summary>Of the definitions that its states are of.</summary>
    [Id(10)]
    public required long Generation { get; init; }

    /// <summary>Records to go.</summary>
    public long Lag => Math.Max(0, Durable - Applied);
}
