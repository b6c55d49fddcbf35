using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Partitions;
using OrleansFeatures.Gateway.Registry;
using OrleansFeatures.Log;
using OrleansFeatures.Postgres;
using OrleansFeatures.Postgres.Log;

namespace OrleansFeatures.Benchmarks;

/// <summary>A log with its entries and readers.</summary>
internal abstract class LogSubject : IAsyncDisposable
{
    protected static readonly Catalog Fraud = DefinitionReader.Read(DefinitionFolder.Read(Places.FraudDefinitions, out _)).Catalog!;

    public abstract int Entries { get; }

    /// <summary>Where events are read.</summary>
    public abstract string[] Readers { get; }

    /// <summary>Told of each event that a reader has come to.</summary>
    public Action<int, long> Read { get; set; } = (_, _) => { };

    public abstract Task PushAsync(int entry, int from, int count);

    /// <summary>How many appends, or group commits, it took; unknown of the embedded log.</summary>
    public abstract Task<double> AppendsAsync();

    public abstract ValueTask DisposeAsync();

    protected static void Fill(IntakeBatch batch, int from, int count)
    {
        StreamPlan stream = batch.Catalog.Stream("transactions")!;
        StreamVersion version = stream.Version(0)!;
        Span<Value> fields = new Value[6];
        for (int id = from; id < from + count; id++)
        {
            fields[0] = Value.Of((long)id);
            fields[1] = Value.Of(new EventTime(1_522_540_800_000_000 + (id * 9_000_000L)));
            fields[2] = Value.Of((id * 7_919L) % 4_990);
            fields[3] = Value.Of((id * 104_729L) % 10_000);
            fields[4] = Value.Of(id % 20_000 / 100.0);
            fields[5] = Value.Of(id % 100 == 0);
            batch.Add(stream, version, fields, default, out _);
        }
    }

    protected void Tell(int reader, LogRecords records)
    {
        foreach (LogRecord record in records)
        {
            EventRecord read = EventRecord.Parse(record.Payload);
            if (read.IsPrimary)
            {
                Read(reader, read.IdNumber);
            }
        }
    }

    protected sealed class Lease : IDisposable
    {
        public void Dispose()
        {
        }
    }
}

internal sealed class EmbeddedSubject : LogSubject
{
    private readonly EventLog _log;
    private readonly LocalAppend _target;
    private readonly EventIntake _intake = new(new PartitionMap(64), TimeProvider.System);
    private readonly Task _consumer;

    public EmbeddedSubject(string directory)
    {
        _log = EventLog.Open(new LogOptions { Directory = Directory.CreateDirectory(directory).FullName, PartitionCount = 64 }, new FileLogDevice(), TimeProvider.System);
        _target = new LocalAppend(_log);
        _consumer = Task.Run(ConsumeAsync);
    }

    public override int Entries => 1;

    public override string[] Readers { get; } = ["here"];

    public override async Task PushAsync(int entry, int from, int count)
    {
        using IntakeBatch batch = _intake.Begin(Fraud, new Lease());
        Fill(batch, from, count);
        await new BatchAppend(_target, _intake, (_, _, _, _) => true, batch).RunAsync(wait: true, CancellationToken.None);
    }

    public override Task<double> AppendsAsync() => Task.FromResult(double.NaN);

    public override async ValueTask DisposeAsync()
    {
        await _log.DisposeAsync();
        await _consumer;
    }

    private async Task ConsumeAsync()
    {
        while (await _log.Committed.WaitToReadAsync())
        {
            while (_log.Committed.TryRead(out CommittedBatch? batch))
            {
                Tell(0, batch.Records);
                batch.Release();
            }
        }
    }
}

/// <summary>Silos in one process: each has a store, an intake and a log of its own. All partitions are read at two of them.</summary>
internal sealed class ClusterSubject : LogSubject
{
    private readonly List<(PostgresStore Store, EventIntake Intake, PostgresLog Log)> _silos = [];
    private readonly CancellationTokenSource _ending = new();
    private readonly List<Task> _readers = [];

    public override int Entries => _silos.Count;

    public override string[] Readers => _silos.Count == 1 ? ["here"] : ["silo 1", "silo 2"];

    public static async Task<ClusterSubject> StartAsync(string connection, int silos)
    {
        var subject = new ClusterSubject();
        for (int silo = 0; silo < silos; silo++)
        {
            PostgresStore store = await PostgresStore.OpenAsync(new PostgresOptions { ConnectionString = connection }, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
            var intake = new EventIntake(new PartitionMap(store.PartitionCount), TimeProvider.System);
            PostgresLog log = await PostgresLog.StartAsync(store, intake, (questions, _) => Task.FromResult<IReadOnlyList<bool>>([.. questions.Select(_ => true)]), TimeProvider.System, NullLogger.Instance, CancellationToken.None);
            subject._silos.Add((store, intake, log));
        }

        for (int reader = 0; reader < subject.Readers.Length; reader++)
        {
            int own = reader;
            subject._readers.AddRange(Enumerable.Range(0, 64).Select(partition => Task.Run(() => subject.ReadAsync(own, new PartitionId(partition)))));
        }

        return subject;
    }

    public override async Task PushAsync(int entry, int from, int count)
    {
        using IntakeBatch batch = _silos[entry].Intake.BeginDeferred(Fraud, new Lease());
        Fill(batch, from, count);
        await _silos[entry].Log.AppendAsync(batch, wait: true, CancellationToken.None);
    }

    public override async Task<double> AppendsAsync()
    {
        await using NpgsqlCommand count = _silos[0].Store.DataSource.CreateCommand("SELECT count(*) FROM log_appends");
        return (long)(await count.ExecuteScalarAsync())!;
    }

    public override async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await Task.WhenAll(_readers);
        foreach ((PostgresStore store, _, PostgresLog log) in _silos)
        {
            await log.DisposeAsync();
            await store.DisposeAsync();
        }

        _ending.Dispose();
    }

    private async Task ReadAsync(int reader, PartitionId partition)
    {
        await using PartitionTail tail = _silos[reader].Log.Tails.Open(partition, LogOffset.None);
        try
        {
            while (true)
            {
                foreach (PartitionBatch batch in await tail.ReadAsync(1_000_000, _ending.Token))
                {
                    Tell(reader, LogRecords.Of(batch.Frames, "a tail"));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }
}
