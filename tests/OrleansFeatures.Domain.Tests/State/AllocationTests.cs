using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Properties;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.State;

/// <summary>
/// Once an entity's state has its size, applying events allocates nothing that the collector would have to find: as much comes as leaves. The records are encoded beforehand.
/// </summary>
public sealed class AllocationTests
{
    private const long Second = 1_000_000;
    private const long Start = 1_600_000_000 * Second;
    private const int WarmUp = 60_000;
    private const int Measured = 20_000;

    private static readonly string[] Colours = ["red", "green", "blue", "yellow"];

    public static TheoryData<FieldType, int, long, bool> Cases() => new()
    {
        { FieldType.Int64, 4_000, 20 * Second, false },
        { FieldType.Int64, 1, 20 * Second, false },
        { FieldType.String, 4_000, 20 * Second, false },
        { FieldType.String, 1, 20 * Second, false },
        { FieldType.Int64, 300, 3 * Second, true },
        { FieldType.String, 20, 7 * Second, true },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Events_in_steady_state_allocate_nothing(FieldType ids, int entities, long pause, bool late)
    {
        Catalog catalog = CatalogOf(ids);
        EntityPlan plan = catalog.Entity("e")!;
        var layout = new EntityLayout(plan, new StateMemory());
        EntityState[] states = [.. Enumerable.Range(0, entities).Select(_ => new EntityState(layout))];
        (int Entity, byte[] Bytes)[] records = Records(catalog, ids, entities, pause, late);
        foreach ((int entity, byte[] bytes) in records.AsSpan(0, WarmUp))
        {
            states[entity].Apply(0, EventRecord.Parse(bytes));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        long applied = 0;
        foreach ((int entity, byte[] bytes) in records.AsSpan(WarmUp))
        {
            applied += states[entity].Apply(0, EventRecord.Parse(bytes)) == ApplyResult.Applied ? 1 : 0;
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        applied.ShouldBeGreaterThan(Measured / 2);
        states.Sum(state => state.EventCount).ShouldBeLessThan(WarmUp, "or else nothing has left, and the state still grows");
        allocated.ShouldBeLessThanOrEqualTo(AllowedBytes, $"{Measured} events");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4_000)]
    public void Reads_of_scalar_folded_features_allocate_nothing(int entities)
    {
        Catalog catalog = CatalogOf(FieldType.Int64);
        EntityPlan plan = catalog.Entity("e")!;
        var layout = new EntityLayout(plan, new StateMemory());
        EntityState[] states = [.. Enumerable.Range(0, entities).Select(_ => new EntityState(layout))];
        (int Entity, byte[] Bytes)[] records = Records(catalog, FieldType.Int64, entities, 20 * Second, late: true);
        Selection selection = catalog.Select([.. plan.Features.Where(feature => feature.Lane >= 0).Select(feature => feature.Reference)], out string unknown)!;
        unknown.ShouldBeEmpty();
        ReadPlan read = selection.Entities[0].Plan;
        var values = new FeatureValue[selection.Features.Length];
        var scratch = new WindowScratch();
        long now = 0;
        long allocated = 0;
        for (int index = 0; index < records.Length; index++)
        {
            (int entity, byte[] bytes) = records[index];
            EventRecord record = EventRecord.Parse(bytes);
            states[entity].Apply(0, record);
            now = Math.Max(now, record.Time.Micros);
            if (index % 50 == 0)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                states[entity].Read(read, new EventTime(now), EventTime.Never, values, scratch);
                states[entity].Read(read, new EventTime(now - (3_600 * Second)), new EventTime(now - (7_200 * Second)), values, scratch);
                allocated += index < WarmUp ? 0 : GC.GetAllocatedBytesForCurrentThread() - before;
            }
        }

        values.Count(value => value.HasValue).ShouldBeGreaterThan(0);
        allocated.ShouldBe(0);
    }

    /// <summary>None for any event: what is left is a packing that no chunk had needed before, 300 bytes, at most <see cref="Limits.ChunkShapesMax"/> times ever.</summary>
    private const long AllowedBytes = 4_096;

    private static (int Entity, byte[] Bytes)[] Records(Catalog catalog, FieldType ids, int entities, long pause, bool late)
    {
        var random = new Random(11);
        var writer = new EventRecordWriter();
        StreamPlan stream = catalog.Stream("s")!;
        StreamVersion version = stream.Version(0)!;
        var records = new (int, byte[])[WarmUp + Measured];
        long clock = Start;
        for (int index = 0; index < records.Length; index++)
        {
            clock += random.NextInt64(2 * pause) / 1_000 * 1_000;
            long time = late && random.Next(10) == 0 ? clock - (random.NextInt64(60 * Second) / 1_000 * 1_000) : clock;
            Value id = ids == FieldType.Int64 ? Value.Of((long)index) : Value.Of(new Guid(index * 7919, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10).ToString());
            Value[] fields =
            [
                id, Value.Of(new EventTime(time)), Value.Of("k"), random.Next(20) == 0 ? Value.Null : Value.Of(Math.Round(random.NextDouble() * 100, 2)),
                Value.Of(random.NextInt64(-50, 50) * (random.Next(40) == 0 ? 1_000_000 : 1)), random.Next(30) == 0 ? Value.Null : Value.Of(ScenarioMaker.Pick(random, Colours)),
            ];
            writer.WriteBody(stream, version, fields, EventArrival.Insert(new EventTime(clock), clock), "producer"u8);
            writer.WriteHead(stream.Feeds[0], version, fields, primary: true);
            records[index] = (random.Next(entities), [.. writer.Head, .. writer.Body]);
        }

        return records;
    }

    private static Catalog CatalogOf(FieldType ids)
    {
        FeatureDefinition Feature(string name, string aggregate, string window, string? where = null) =>
            new(name, aggregate, Duration.TryParse(window, out Duration width) ? width : throw new ArgumentException(window), Duration.Zero, where, Value.Null);
        FeatureDefinition[] features =
        [
            Feature("n", "count", "1m"), Feature("sum", "sum(amount)", "10m"), Feature("spread", "stddev_pop(amount)", "1h"), Feature("most", "max(units)", "1h"),
            Feature("reds", "count", "1h", "tag == 'red'"), Feature("tags", "distinct_count(tag)", "1h"), Feature("rate", "rate(units)", "10m", "amount > 10.0"),
        ];
        var definitions = new DefinitionSet(
            [new StreamDefinition("s", 1, "id", "time", [new("id", ids), new("time", FieldType.Timestamp), new("key", FieldType.String), new("amount", FieldType.Double), new("units", FieldType.Int64), new("tag", FieldType.String)])],
            [new EntityDefinition("e", ["key"])], [new FeatureViewDefinition("v", 1, "e", "s", null, [.. features])], []);
        Catalog catalog = Catalog.Compile(definitions, out var problems)!;
        problems.ShouldBeEmpty();
        return catalog;
    }
}
