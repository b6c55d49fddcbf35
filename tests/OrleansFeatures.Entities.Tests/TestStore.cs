using Microsoft.Extensions.Logging.Abstractions;
using OrleansFeatures.Conformance;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests;

/// <summary>An embedded host on a temporary directory, and what only a test of that host wants of it: its files, its sleep, its death.</summary>
internal sealed class TestStore : ConformanceStore
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("orleans-features-");
    private EmbeddedHost? _host;

    public override EmbeddedHost Host => _host ?? throw new InvalidOperationException("the store is not open");

    public string LogDirectory => Path.Combine(_directory.FullName, "log");

    /// <summary>The disk that the log lies on.</summary>
    private ILogDevice Device { get; init; } = new FileLogDevice();

    /// <summary>What a test wants otherwise than <see cref="ReopenAsync"/> would have it.</summary>
    public Func<EmbeddedHostOptions, EmbeddedHostOptions> Configure { get; set; } = options => options;

    public string StateDirectory => Path.Combine(LogDirectory, "state");

    /// <summary>The log as its readers know it.</summary>
    public IRecordSource Records => ((IFollowedLog)Host).Records;

    /// <summary>For a test with small segments, all of which go as soon as a checkpoint is behind them and a moment has passed. Only the test takes checkpoints.</summary>
    public static Func<EmbeddedHostOptions, EmbeddedHostOptions> Cutting { get; } =
        options => options with { CheckpointOnClose = false, LogSegmentBytesMax = 16 * 1024, RawHistory = TimeSpan.Zero, CheckpointInterval = TimeSpan.FromDays(1) };

    public static async Task<TestStore> OpenAsync(Catalog? catalog = null, ILogDevice? device = null, Func<EmbeddedHostOptions, EmbeddedHostOptions>? configure = null)
    {
        var store = new TestStore { Device = device ?? new FileLogDevice(), Configure = configure ?? (options => options) };
        await store.ReopenAsync(catalog ?? Transactions.Catalog());
        return store;
    }

    public override Task RestartAsync() => ReopenAsync(Host.Catalog);

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

    public override async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _directory.Delete(recursive: true);
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

    /// <summary>Takes a checkpoint, and returns when old segments have gone behind the one before it. For whoever reads the log, in the middle of it.</summary>
    public void Checkpoint() => Host.CheckpointAsync(TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult();

    /// <summary>A training read, in the middle of something else.</summary>
    public void ReadHistory(Reads.FeatureRead read) => Host.ReadHistoryAsync(read, null, TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult();

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

    /// <summary>The host is stopped and started again for it.</summary>
    public override async Task<List<byte[]>> RecordsAsync()
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

    private readonly record struct Collect(List<byte[]> Payloads) : ILogVisitor
    {
        public bool Visit(LogRecord record)
        {
            Payloads.Add(record.Payload.ToArray());
            return true;
        }
    }
}
