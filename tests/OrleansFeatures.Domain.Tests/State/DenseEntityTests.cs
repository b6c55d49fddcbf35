using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Tests.Properties;

namespace OrleansFeatures.Domain.Tests.State;

/// <summary>Entities of many blocks, read again and again while events come, come late, are corrected and leave: no sum of rows may outlive its rows.</summary>
public sealed class DenseEntityTests
{
    private const long Second = 1_000_000;
    private const long Start = 1_600_000_000 * Second;
    private static readonly string[] Aggregates = ["count", "sum(units)", "min(amount)", "mean(amount)", "stddev_pop(units)", "max(at)", "any(ok)"];

    /// <summary>With an hour's window a day and an hour of events stay: 2 to 20 chunks, as the rate goes up and down.</summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 30)]
    [InlineData(3, 90)]
    public void Folds_stay_those_of_their_rows_while_chunks_come_split_and_leave(int seed, int latePercent) =>
        Run(Of([Duration("1h"), Duration("1m")], latePercent), seed, events: 9_000, pause: 160 * Second, lateUpTo: 20_000 * Second, readEvery: 37);

    /// <summary>A row in four comes up to five hours late: chunks split in every block, and blocks with them.</summary>
    [Fact]
    public void More_rows_than_a_block_holds_with_random_late_ones_read_as_the_oracle_does()
    {
        Scenario scenario = Of([Duration("1m"), Duration("6h"), WindowDefinition.Last(5_000), WindowDefinition.Session(new Duration(3 * Second), Duration("1h"))], latePercent: 25);
        Run(scenario, seed: 4, events: 12_000, pause: 2 * Second, lateUpTo: 18_000 * Second, readEvery: 2_900);
    }

    /// <summary>After a first read of everything, every correction makes one chunk's fold wrong, somewhere.</summary>
    [Fact]
    public void A_correction_deep_inside_shows_in_every_window_that_covers_it()
    {
        Scenario scenario = Of([Duration("20m"), Duration("6h")], latePercent: 0);
        var run = new ScenarioRun(scenario);
        var random = new Random(5);
        Step[] steps = [.. Steps(scenario, random, 9_000, 5 * Second, 0)];
        foreach (Step step in steps)
        {
            run.Apply(step);
        }

        long newest = steps[^1].Micros;
        for (int correction = 0; correction < 25; correction++)
        {
            Step chosen = ScenarioMaker.Pick(random, steps);
            bool deletes = random.Next(2) == 0;
            long moved = chosen.Micros + (random.Next(-1, 2) * random.NextInt64(3_600 * Second));
            Value[] fields = [chosen.Fields[Step.Id], Value.Of(new EventTime(moved)), Value.Of("a"), .. ScenarioMaker.Payload(random, scenario.Shape)];
            run.Apply(new Step(deletes ? EventOperation.Delete : EventOperation.Upsert, newest, fields));
            run.Compare("a", newest + Duration("1h").Micros, EventTime.Never.Micros);
            run.Compare("a", newest - random.NextInt64(40_000 * Second), EventTime.Never.Micros);
        }
    }

    private static void Run(Scenario scenario, int seed, int events, long pause, long lateUpTo, int readEvery)
    {
        var run = new ScenarioRun(scenario);
        var random = new Random(seed);
        int count = 0;
        foreach (Step step in Steps(scenario, random, events, pause, lateUpTo))
        {
            run.Apply(step);
            if (++count % readEvery == 0)
            {
                run.Compare("a", run.NewestOf("a"), EventTime.Never.Micros);
                run.Compare("a", run.NewestOf("a") - random.NextInt64(80_000 * Second), EventTime.Never.Micros);
            }
        }
    }

    private static IEnumerable<Step> Steps(Scenario scenario, Random random, int events, long pause, long lateUpTo)
    {
        long clock = Start;
        for (int index = 0; index < events; index++)
        {
            clock += random.NextInt64(2 * pause) * (index / 700 % 3) / 2;
            long time = random.Next(100) < scenario.Shape.LateShare ? clock - random.NextInt64(lateUpTo) : clock;
            yield return new Step(EventOperation.Insert, clock, [Value.Of((long)index), Value.Of(new EventTime(time / 1_000 * 1_000)), Value.Of("a"), .. ScenarioMaker.Payload(random, scenario.Shape)]);
        }
    }

    private static Scenario Of(WindowDefinition[] windows, int latePercent)
    {
        FeatureDefinition[] features = [.. windows.SelectMany((window, w) => Aggregates.Select((aggregate, a) => new FeatureDefinition($"f{w}_{a}", aggregate, window, Domain.Definitions.Duration.Zero, null, Value.Null)))];
        var shape = new ScenarioShape(FieldType.Int64, 1_000, 0, IsExtreme: false, 0, 0, latePercent);
        return new Scenario(shape, [new FeatureViewDefinition("v", 1, Scenario.Entity, Scenario.Stream, null, [.. features])], [], 0);
    }

    private static Duration Duration(string text) => Domain.Definitions.Duration.TryParse(text, out Duration duration) ? duration : throw new ArgumentException(text);
}
