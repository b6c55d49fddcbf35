using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>
/// Sessions of many chunks, in which a read looks at whole chunks, against a walk over the events one by one: bursts and pauses of all lengths around the gap, events out of order, a
/// longest session that cuts, and a filter.
/// </summary>
public sealed class DenseSessionTests
{
    private const long Gap = 1_000_000;
    private const long Longest = 20_000_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void A_session_starts_after_the_last_pause_longer_than_its_gap(int seed)
    {
        var random = new Random(seed);
        Catalog catalog = CatalogOf();
        var feed = new EventFeed(catalog);
        (long Time, bool Counts)[] events = Events(random);
        int[] order = [.. Enumerable.Range(0, events.Length).OrderBy(index => index + random.Next(200))];
        foreach (int index in order)
        {
            feed.Push("s", Value.Of((long)index), Value.Of(new EventTime(events[index].Time)), Value.Of("k"), Value.Of(events[index].Counts));
        }

        Selection all = catalog.AllOf("e")!;
        for (int read = 0; read < 400; read++)
        {
            long asOf = events[random.Next(events.Length)].Time + (random.Next(4) switch { 0 => Gap, 1 => Gap + 1, 2 => random.Next((int)Gap), _ => 0 });
            FeatureValue[] values = feed.Read(all, new EventTime(asOf), Value.Of("k"));
            (long count, long first) = Session(events.Select(each => each.Time), asOf);
            (long passing, long firstPassing) = Session(events.Where(each => each.Counts).Select(each => each.Time), asOf);
            (Number(values[0]), Number(values[1]), Number(values[2]), Number(values[3])).ShouldBe((count, first, passing, firstPassing), $"seed {seed}, as of {asOf}");
        }
    }

    /// <summary>How many events, and the first one's time; zeros where no session is under way.</summary>
    private static (long Count, long First) Session(IEnumerable<long> times, long asOf)
    {
        (long count, long next) = (0, asOf);
        foreach (long time in times.Where(time => time <= asOf).OrderDescending())
        {
            if (next - time > Gap || time <= asOf - Longest)
            {
                break;
            }

            (count, next) = (count + 1, time);
        }

        return (count, count == 0 ? 0 : next);
    }

    private static long Number(FeatureValue value) => value.Status == FeatureStatus.NullValue ? 0 : value.Scalar.Bits;

    /// <summary>Bursts of up to 400 events, a few of them so slow that a chunk takes longer than a pause may, with pauses of exactly the gap and a microsecond more among them.</summary>
    private static (long Time, bool Counts)[] Events(Random random)
    {
        var events = new List<(long, bool)>();
        long time = 1_000_000_000;
        while (events.Count < 4_000)
        {
            int step = random.Next(3) switch { 0 => 2_000, 1 => 40_000, _ => 500_000 };
            for (int left = random.Next(1, 400); left > 0; left--)
            {
                time += random.Next(step);
                events.Add((time, random.Next(3) > 0));
            }

            time += random.Next(4) switch { 0 => Gap, 1 => Gap + 1, 2 => 2 * Gap, _ => 30 * Gap };
        }

        return [.. events];
    }

    private static Catalog CatalogOf()
    {
        WindowDefinition window = WindowDefinition.Session(new Duration(Gap), new Duration(Longest));
        FeatureDefinition[] features = [new("count", "count", window, Duration.Zero, null, Value.Null), new("first", "first(at)", window, Duration.Zero, null, Value.Null)];
        var definitions = new DefinitionSet(
            [new StreamDefinition("s", 1, "id", "at", [new("id", FieldType.Int64), new("at", FieldType.Timestamp), new("key", FieldType.String), new("counts", FieldType.Bool)])],
            [new EntityDefinition("e", ["key"])],
            [new FeatureViewDefinition("all", 1, "e", "s", null, [.. features]), new FeatureViewDefinition("some", 1, "e", "s", "counts", [.. features])],
            []);
        Catalog? catalog = Catalog.Compile(definitions, out var problems);
        problems.ShouldBeEmpty();
        return catalog!;
    }
}
