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

    public EmbeddedHost Host => _host ?? throw new InvalidOperationException("the store is not open");

    public string LogDirectory => Path.Combine(_directory.FullName, "log");

    public static async Task<TestStore> OpenAsync(Catalog? catalog = null)
    {
        var store = new TestStore();
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
            new EmbeddedHostOptions { LogDirectory = LogDirectory, PartitionCount = 8, PartitionLoops = 3 },
            catalog, TimeProvider.System, NullLogger.Instance, TestContext.Current.CancellationToken);
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
    public async Task<IntakeResult[]> PushAsync(params Value[][] events)
    {
        using IntakeBatch batch = await Host.BeginBatchAsync(TestContext.Current.CancellationToken);
        StreamPlan stream = batch.Catalog.Stream("transactions")!;
        IntakeResult[] results = [.. events.Select(fields => batch.Add(stream, stream.Version(0)!, fields, new Provenance { Producer = "till"u8 }, out _))];
        (await Host.AppendAsync(batch, wait: true, TestContext.Current.CancellationToken)).ShouldBeTrue();
        foreach ((int partition, long offset) in batch.Positions())
        {
            await Host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition), new LogOffset(offset)), TestContext.Current.CancellationToken);
        }

        return results;
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
    public static Catalog Fraud(bool terminals = true, string window = "1h")
    {
        Duration.TryParse(window, out Duration width).ShouldBeTrue();
        FeatureDefinition[] features =
        [
            new("count", "count", width, Duration.Zero, null, Value.Null),
            new("sum", "sum(amount)", width, Duration.Zero, null, Value.Null),
            new("last3", "last_n(amount, 3)", width, Duration.Zero, null, Value.Null),
        ];
        List<EntityDefinition> entities = [new("customer", ["customer_id"])];
        List<FeatureViewDefinition> views = [new("customer_spend", 1, "customer", "transactions", null, [.. features])];
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
}
