using Microsoft.Extensions.Logging;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.Log;
using OrleansFeatures.Postgres.States;

namespace OrleansFeatures.Silo;

/// <summary>What a silo stands on: the log, the states and the definitions in PostgreSQL, opened before the silo starts and closed after it has stopped.</summary>
public sealed class ClusterStore : IAsyncDisposable
{
    private ClusterStore(PostgresStore postgres, PostgresLog log, EntityStates states, EventIntake intake, IClusterDefinitions definitions, EntityPresence presence, TimeProvider time) =>
        (Postgres, Log, States, Intake, Definitions, Presence, Time) = (postgres, log, states, intake, definitions, presence, time);

    public PostgresStore Postgres { get; }

    public PostgresLog Log { get; }

    public EntityStates States { get; }

    public EventIntake Intake { get; }

    public IClusterDefinitions Definitions { get; }

    public EntityPresence Presence { get; }

    public TimeProvider Time { get; }

    /// <param name="postgres">Closed with this.</param>
    /// <param name="definitions">Of the cluster.</param>
    /// <param name="time">The clock of everything.</param>
    /// <param name="logger">Told of troubles with PostgreSQL.</param>
    /// <param name="cancellationToken">Gives it up.</param>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public static async Task<ClusterStore> OpenAsync(PostgresStore postgres, IClusterDefinitions definitions, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        var intake = new EventIntake(new PartitionMap(postgres.PartitionCount), time);
        var presence = new EntityPresence();
        PostgresLog log = await PostgresLog.StartAsync(postgres, intake, presence.AskAsync, time, logger, cancellationToken);
        log.UseDefinitions(definitions.Current.Catalog, definitions.Current.Generation);
        definitions.Taken = taken => log.UseDefinitions(taken.Catalog, taken.Generation);
        return new ClusterStore(postgres, log, new EntityStates(postgres, logger), intake, definitions, presence, time);
    }

    /// <summary>By stream: the newest event time of history that has been dropped.</summary>
    /// <exception cref="LogUnavailableException">PostgreSQL cannot be asked.</exception>
    public async Task<IReadOnlyDictionary<uint, long>> FloorsAsync(CancellationToken cancellationToken) =>
        (await Log.CountsAsync(cancellationToken)).Where(stream => stream.Value.Floor is not null).ToDictionary(stream => stream.Key, stream => stream.Value.Floor!.Value.Micros);

    public async ValueTask DisposeAsync()
    {
        await Log.DisposeAsync();
        await Postgres.DisposeAsync();
    }
}
