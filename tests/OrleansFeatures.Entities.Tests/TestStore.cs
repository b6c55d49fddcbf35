using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests;

/// <summary>An embedded host on a temporary directory, and events to give it: transactions of customers at terminals.</summary>
internal sealed class TestStore : IAsyncDisposable
{
    public static readonly EventTime Start = new(1_600_000_000_000_000);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orleans-features-");
    private EmbeddedHost? _host;

    /// <summary>Real time, which a test may shift.</summary>
    public ShiftedClock Clock { get; } = new();

    public EmbeddedHost Host => _host ?? throw new InvalidOperationException("the store is not open");

    public string LogDirectory => Path.Combine(_directory.FullName, "log");

    /// <summary>The disk that the log lies on.</summary>
    private ILogDevice Device { get; init; } = new FileLogDevice();

    /// <summary>What a test wants otherwise than <see cref="ReopenAsync"/> would have it.</summary>
    public Func<EmbeddedHostOptions, EmbeddedHostOptions> Configure { get; set; } = options => options;

    public string StateDirectory => Path.Combine(LogDirectory, "state");

    public static async Task<TestStore> OpenAsync(Catalog? catalog = null, ILogDevice? device = null, Func<EmbeddedHostOptions, EmbeddedHostOptions>? configure = null)
    {
        var store = new TestStore { Device = device ?? new FileLogDevice(), Configure = configure ?? (options => options) };
        await store.ReopenAsync(catalog ?? Fraud());
        return store;
    }

    public async Task ReopenAsync(Catalog catalog)
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _host = await EmbeddedHost.StartAsync(
            Device, Configure(new EmbeddedHostOptions { LogDirectory = LogDirectory, PartitionCount = 8, PartitionLoops = 3 }),
            catalog, Clock, NullLogger.Instance, TestContext.Current.CancellationToken);
    }

    public async Task CloseAsync()
    {
        await Host.DisposeAsync();
        _host = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _directory.Delete(recursive: true);
    }

    public static Value[] Transaction(long id, long seconds, string customer, string terminal, double amount) =>
        [Value.Of(id), Value.Of(At(seconds)), Value.Of(customer), Value.Of(terminal), Value.Of(amount)];

    public static EventTime At(long seconds) => new(Start.Micros + (seconds * 1_000_000));

    /// <summary>Appends events as one batch and waits until reads can see them.</summary>
    public async Task<IntakeResult[]> PushAsync(params Value[][] events) =>
        [.. (await PushAsync([.. events.Select(fields => new Push(fields))])).Select(outcome => outcome.Result)];

    /// <summary>The same with everything that a push can say of an event.</summary>
    public async Task<CorrectionOutcome[]> PushAsync(params Push[] events)
    {
        using IntakeBatch batch = await Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        CorrectionOutcome[] outcomes = [.. events.Select(push => push.AddTo(batch))];
        (await Host.AppendAsync(batch, wait: true, TestContext.Current.CancellationToken)).ShouldBeTrue();
        foreach ((int partition, long offset) in batch.Positions())
        {
            await Host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition), new LogOffset(offset)), TestContext.Current.CancellationToken);
        }

        return [.. outcomes.Select(outcome => outcome.Result == IntakeResult.Pending ? batch.Corrections[outcome.Note.Correction] : outcome)];
    }

    /// <summary>What a process would find that starts after this one was killed now: the log's files as they are, copied under its hands.</summary>
    public async Task<TestStore> ImageAsync()
    {
        var image = new TestStore();
        Directory.CreateDirectory(image.LogDirectory);

        // What proves durability is copied before what it speaks of, as if the copy had taken no time; what a write was about to add may be torn.
        foreach (string file in Directory.GetFiles(LogDirectory).Where(file => !file.EndsWith(".lock", StringComparison.Ordinal)).OrderBy(file => Path.GetFileName(file).StartsWith("segment", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(image.LogDirectory, Path.GetFileName(file)));
        }

        await image.ReopenAsync(Host.Catalog);
        return image;
    }

    /// <summary>Puts every entity to sleep that may: all that the last checkpoint holds as they are.</summary>
    public void SleepAll()
    {
        foreach (Partitions.Partition partition in Host.Live.Partitions)
        {
            // Who is wanted gets a second chance, and there is no third.
            while (!partition.Sweep(int.MaxValue))
            {
            }

            while (!partition.Sweep(int.MaxValue))
            {
            }
        }
    }

    /// <summary>Waits until reads can see everything that is durable.</summary>
    public async Task WaitAllAppliedAsync()
    {
        foreach (PartitionState partition in Host.Status().Partitions)
        {
            await Host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition.Partition), new LogOffset(partition.DurableOffset)), TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Every record of the log, in order; the host is stopped and started again for it.</summary>
    public async Task<List<byte[]>> RecordsAsync()
    {
        Catalog catalog = Host.Catalog;
        await CloseAsync();
        var records = new Collect([]);
        await using (var log = EventLog.Open(new LogOptions { Directory = LogDirectory, PartitionCount = 8, DeliverCommitted = false }, Device, TimeProvider.System))
        {
            log.Read(log.FirstSequence, log.DurableSequence, ref records, TestContext.Current.CancellationToken);
        }

        await ReopenAsync(catalog);
        return records.Payloads;
    }

    /// <summary>All features of one entity by name, from live state or from history.</summary>
    public async Task<Dictionary<string, FeatureValue>> ReadAsync(string entity, string key, EventTime asOf, bool history = false)
    {
        FeatureRead read = Question(entity, asOf, key);
        await (history ? Host.ReadHistoryAsync(read, null, TestContext.Current.CancellationToken) : Host.ReadAsync(read, TestContext.Current.CancellationToken));
        return read.Selection.Features.Select((feature, index) => (feature.Name, read.Values[index])).ToDictionary();
    }

    public FeatureRead Question(string entity, EventTime asOf, params string[] keys)
    {
        var read = new FeatureRead(Host.Catalog.AllOf(entity)!, keys.Length);
        for (int row = 0; row < keys.Length; row++)
        {
            byte[] key = new byte[EntityKeyEncoding.BytesMax];
            read.Keys[row] = key.AsMemory(0, EntityKeyEncoding.Append(key, Value.Of(keys[row])));
            read.AsOf[row] = asOf;
        }

        return read;
    }

    /// <summary>Customers, and with <paramref name="terminals"/> terminals too, over one stream.</summary>
    public static Catalog Fraud(bool terminals = true, string window = "1h", Duration? customerLateness = null)
    {
        Duration.TryParse(window, out Duration width).ShouldBeTrue();
        FeatureDefinition[] features =
        [
            new("count", "count", width, Duration.Zero, null, Value.Null),
            new("sum", "sum(amount)", width, Duration.Zero, null, Value.Null),
            new("last3", "last_n(amount, 3)", width, Duration.Zero, null, Value.Null),
        ];
        List<EntityDefinition> entities = [new("customer", ["customer_id"])];
        List<FeatureViewDefinition> views = [new("customer_spend", 1, "customer", "transactions", null, [.. features]) { AllowedLateness = customerLateness }];
        if (terminals)
        {
            entities.Add(new EntityDefinition("terminal", ["terminal_id"]));
            views.Add(new FeatureViewDefinition("terminal_use", 1, "terminal", "transactions", "amount > 0.0", [.. features]));
        }

        var stream = new StreamDefinition("transactions", 1, "tx_id", "tx_time",
            [new("tx_id", FieldType.Int64), new("tx_time", FieldType.Timestamp), new("customer_id", FieldType.String), new("terminal_id", FieldType.String), new("amount", FieldType.Double)]);
        Catalog? catalog = Catalog.Compile(new DefinitionSet([stream], [.. entities], [.. views], []), out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }

    private readonly record struct Collect(List<byte[]> Payloads) : ILogVisitor
    {
        public bool Visit(LogRecord record)
        {
            Payloads.Add(record.Payload.ToArray());
            return true;
        }
    }
}

/// <summary>One event of a push.</summary>
internal sealed record Push(Value[] Fields, EventOperation Operation = EventOperation.Insert, string Producer = "till", EventTime? Arrival = null)
{
    public CorrectionOutcome AddTo(IntakeBatch batch)
    {
        StreamPlan stream = batch.Catalog.Stream("transactions")!;
        var provenance = new Provenance { Producer = System.Text.Encoding.UTF8.GetBytes(Producer), Operation = Operation, Arrival = Arrival };
        IntakeResult result = batch.Add(stream, stream.Version(0)!, Fields, provenance, out IntakeNote note);
        return new CorrectionOutcome(result, note);
    }
}

/// <summary>The system's clock, ahead by as much as a test says. It runs, because the log waits by it.</summary>
internal sealed class ShiftedClock : TimeProvider
{
    private long _aheadTicks;
    private long _setTicks;

    /// <summary>Time goes by, for every clock.</summary>
    public void Advance(TimeSpan by) => Interlocked.Add(ref _aheadTicks, by.Ticks);

    /// <summary>The clock on the wall is set, and nothing else notices.</summary>
    public void Set(TimeSpan by) => Interlocked.Add(ref _setTicks, by.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Interlocked.Read(ref _aheadTicks) + Interlocked.Read(ref _setTicks));

    public override long GetTimestamp() => System.GetTimestamp() + (long)(Interlocked.Read(ref _aheadTicks) / (double)TimeSpan.TicksPerSecond * TimestampFrequency);
}
