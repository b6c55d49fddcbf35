using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OrleansFeatures.Gateway;
using OrleansFeatures.Gateway.Health;
using OrleansFeatures.Postgres;
using OrleansFeatures.Silo.Placement;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace OrleansFeatures.Silo.Operations;

/// <summary>Why the silo is not ready, as it was last found out. Cheap to read, because probes ask often.</summary>
internal sealed class ReadinessState
{
    private volatile string? _reason = "the silo is starting";

    /// <summary>In a sentence; null while it is ready.</summary>
    public string? Reason
    {
        get => _reason;
        set => _reason = value;
    }
}

/// <summary>
/// Finds out every second whether this silo would answer now, and says so to probes and to gRPC health. Ready is: Active in the cluster, PostgreSQL answers, and, until it is ready for the first time, every partition that the plan
/// gives this silo is owned by it and has caught up. The first of them that is not so is the reason.
/// <para>Later not: when a silo is lost, all others take over some of its partitions at the same moment. Each of them answers for the whole cluster as before, but for these; were they all to say that they are not ready, nobody would answer for anything. What
/// lags is in the metrics, and in <c>/cluster/v1/partitions</c>.</para>
/// </summary>
internal sealed class Readiness(
    ReadinessState state, ServerLife life, HealthServiceImpl health, PostgresStore store, LocalPartitions owned, PartitionPlans plans, IClusterMembershipService membership, ILocalSiloDetails self,
    TimeProvider time, ILogger<Readiness> logger) : BackgroundService
{
    private readonly TaskCompletionSource _readyOnce = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the silo is ready for the first time.</summary>
    public Task ReadyOnce => _readyOnce.Task;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Limits.ReadinessInterval, time);
        do
        {
            try
            {
                owned.Look();
                Say(await FindReasonAsync(stoppingToken).ConfigureAwait(false));
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                // The top of the loop: whatever keeps us from knowing is not readiness.
                logger.ReadinessFailed(failure);
                Say($"the silo could not find out whether it is ready ({failure.Message})");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false));
    }

    private async Task<string?> FindReasonAsync(CancellationToken cancellationToken)
    {
        SiloStatus status = membership.CurrentSnapshot.GetSiloStatus(self.SiloAddress);
        return status != SiloStatus.Active
            ? $"the silo is {status} in the cluster, not Active"
            : await PostgresReasonAsync(cancellationToken).ConfigureAwait(false) ?? (ReadyOnce.IsCompleted ? null : PartitionsReason());
    }

    private async Task<string?> PostgresReasonAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Limits.PostgresAnswerMax);
        try
        {
            await using NpgsqlCommand question = store.DataSource.CreateCommand("SELECT 1");
            await question.ExecuteScalarAsync(patience.Token).ConfigureAwait(false);
            return null;
        }
        catch (NpgsqlException failure)
        {
            return $"PostgreSQL does not answer ({failure.Message})";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"PostgreSQL has not answered for {Limits.PostgresAnswerMax.TotalSeconds:0} s";
        }
    }

    /// <summary>The plan is asked first: a partition that moves away in between is then found owned or not planned, and either is fine.</summary>
    private string? PartitionsReason()
    {
        PartitionPlan plan = plans.Current;
        Dictionary<int, PartitionReport> mine = owned.Report().ToDictionary(report => report.Partition);
        string[] late = [.. plan.PartitionsOf(self.SiloAddress)
            .Select(partition => partition.Value)
            .Select(partition => !mine.TryGetValue(partition, out PartitionReport? report) ? $"{partition} (not taken over yet)" : report.CaughtUp ? null : $"{partition} ({report.Lag} records to go)")
            .OfType<string>()];
        string more = late.Length > Limits.PartitionsNamedMax ? $" and {late.Length - Limits.PartitionsNamedMax} more" : "";
        return late.Length == 0 ? null : $"partitions have not caught up: {string.Join(", ", late.Take(Limits.PartitionsNamedMax))}{more}";
    }

    private void Say(string? reason)
    {
        string? before = state.Reason;
        state.Reason = reason;
        if (reason is null)
        {
            if (before is not null && ReadyOnce.IsCompleted)
            {
                logger.ReadyAgain();
            }

            _readyOnce.TrySetResult();
        }
        else if (before is null && !life.Leaving.IsCancellationRequested)
        {
            logger.NotReady(reason);
        }

        if ((before is null) != (reason is null))
        {
            health.SetAll(reason is null ? ServingStatus.Serving : ServingStatus.NotServing);
        }
    }
}
