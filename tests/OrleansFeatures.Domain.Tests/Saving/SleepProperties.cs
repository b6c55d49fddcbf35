using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.Tests.Properties;

namespace OrleansFeatures.Domain.Tests.Saving;

/// <summary>An entity that is saved and loaded, again and again, beside one that never is: nobody can tell them apart, to the bit.</summary>
public sealed class SleepProperties
{
    [Fact]
    public void Who_sleeps_between_any_two_records_answers_as_who_never_does() =>
        Property.Holds(80, ScenarioMaker.Any(lifetime: true), scenario => scenario.Shrink(), scenario => Compare(scenario, sleepsEvery: 1, compacts: false));

    [Fact]
    public void Who_sleeps_now_and_then_answers_as_who_never_does() =>
        Property.Holds(50, ScenarioMaker.Any(countMax: 400, lifetime: true), scenario => scenario.Shrink(), scenario => Compare(scenario, sleepsEvery: 7, compacts: false));

    [Fact]
    public void Sums_of_what_was_compacted_sleep_and_wake_as_well() =>
        Property.Holds(40, ScenarioMaker.Any(countMax: 400, corrections: false, lifetime: true), scenario => scenario.Shrink(), scenario => Compare(scenario, sleepsEvery: 5, compacts: true));

    /// <summary>Eleven blocks of 4,096 rows, some late rows in each.</summary>
    [Fact]
    public void A_dense_entity_saves_again_only_the_blocks_that_have_changed()
    {
        Scenario scenario = Dense();
        var run = new ScenarioRun(scenario);
        var random = new Random(11);
        for (int index = 0; index < 40_000; index++)
        {
            run.Apply(StepOf(scenario, random, index, index * 2L));
        }

        var bed = new Bed();
        EntityState state = run.Feed.StateOf(Scenario.Entity, Value.Of("a"))!;
        bed.Save(state);
        int first = bed.Parts.Count;
        first.ShouldBeGreaterThan(8);

        // A few newest rows and one late one: the block it belongs to, and nothing else but the newest, which is no part.
        run.Apply(StepOf(scenario, random, 50_000, 80_002));
        run.Apply(StepOf(scenario, random, 50_001, 30_001));
        byte[] saved = bed.Save(state);
        bed.Parts.Count.ShouldBe(first + 1);
        long through = run.NewestOf("a");
        FeatureValue[] before = run.Read("a", through, EventTime.Never.Micros);
        EntityState loaded = bed.Load(new EntityLayout(run.All.Entities[0].Entity, new StateMemory()), saved);
        var after = new FeatureValue[before.Length];
        loaded.Read(run.All.Entities[0].Plan, new EventTime(through), EventTime.Never, after, new Domain.Windows.WindowScratch());
        after.Select(Bits).ShouldBe(before.Select(Bits));
        loaded.EventCount.ShouldBe(state.EventCount);
    }

    [Fact]
    public void What_an_entity_took_it_gives_back_when_it_goes()
    {
        Property.Holds(60, ScenarioMaker.Any(countMax: 300, lifetime: true), scenario => scenario.Shrink(), scenario =>
        {
            var run = new ScenarioRun(scenario);
            foreach (Step step in scenario.Steps)
            {
                run.Apply(step);
            }

            foreach (EntityState state in run.Feed.States)
            {
                state.Release();
            }

            run.Feed.Memory.RowBytes.ShouldBe(0);
            run.Feed.Memory.SummaryBytes.ShouldBe(0);
            run.Feed.Memory.TextsInUse.ShouldBe(0);
        });
    }

    [Fact]
    public void Wrong_bytes_are_refused_and_hold_no_memory()
    {
        Property.Holds(60, ScenarioMaker.Any(countMax: 200, lifetime: true), scenario => scenario.Shrink(), scenario =>
        {
            var run = new ScenarioRun(scenario);
            foreach (Step step in scenario.Steps)
            {
                run.Apply(step);
            }

            var random = new Random(scenario.ReadSeed);
            foreach (EntityState state in run.Feed.States)
            {
                var bed = new Bed();
                byte[] saved = bed.Save(state);
                for (int attempt = 0; attempt < 30; attempt++)
                {
                    TryLoad(run, bed, Spoil(random, saved));
                }
            }
        });
    }

    private static void TryLoad(ScenarioRun run, Bed bed, byte[] spoilt)
    {
        var memory = new StateMemory();
        try
        {
            bed.Load(new EntityLayout(run.All.Entities[0].Entity, memory), spoilt).Release();
        }
        catch (StateFormatException)
        {
            // What wrong bytes are for; a checksum would have seen them before.
        }

        memory.RowBytes.ShouldBe(0);
        memory.TextsInUse.ShouldBe(0);
    }

    private static byte[] Spoil(Random random, byte[] saved)
    {
        byte[] spoilt = random.Next(3) == 0 ? saved[..random.Next(saved.Length)] : [.. saved];
        for (int flips = random.Next(3); flips >= 0 && spoilt.Length > 0; flips--)
        {
            spoilt[random.Next(spoilt.Length)] = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)0xFF;
        }

        return spoilt;
    }

    private static void Compare(Scenario scenario, int sleepsEvery, bool compacts)
    {
        var awake = new ScenarioRun(scenario);
        var asleep = new ScenarioRun(scenario, catalog: awake.Catalog, sleepsEvery: sleepsEvery);
        var random = new Random(scenario.ReadSeed);
        for (int index = 0; index < scenario.Steps.Length; index++)
        {
            asleep.Apply(scenario.Steps[index]).ShouldBe(awake.Apply(scenario.Steps[index]));
            if (compacts && random.Next(40) == 0)
            {
                // How far a compaction goes depends on how tightly rows are packed, and that on the neighbours: the other one takes over what became of the first.
                foreach (EntityState state in awake.Feed.States)
                {
                    state.Compact(random.Next(4_000));
                }

                asleep.Feed.TakeOver(awake.Feed);
            }

            if (random.Next(20) == 0)
            {
                Same(awake, asleep, random, index);
            }
        }

        Same(awake, asleep, random, scenario.Steps.Length - 1);
    }

    private static void Same(ScenarioRun awake, ScenarioRun asleep, Random random, int step)
    {
        foreach ((string key, long asOf, long knownAt) in awake.Instants(random, awake.Scenario.Steps.Take(step + 1).ToList(), 4))
        {
            asleep.Read(key, asOf, knownAt).Select(Bits).ShouldBe(awake.Read(key, asOf, knownAt).Select(Bits), $"{key} at {asOf} known at {knownAt} after step {step}");
        }
    }

    private static string Bits(FeatureValue value) =>
        $"{value.Status}:{value.Scalar.Type}:{value.Scalar.Bits}:{value.Scalar.Text}:{string.Join(";", (value.List ?? []).Select(element => $"{element.Bits}{element.Text}"))}:{Results.Show(value)}";

    private static Step StepOf(Scenario scenario, Random random, int id, long second)
    {
        const long Start = 1_600_000_000_000_000;
        long time = Start + (second * 1_000_000);
        return new Step(EventOperation.Insert, time, [Value.Of((long)id), Value.Of(new EventTime(time)), Value.Of("a"), .. ScenarioMaker.Payload(random, scenario.Shape)]);
    }

    private static Scenario Dense()
    {
        string[] aggregates = ["count", "sum(units)", "min(amount)", "mean(amount)", "stddev_pop(units)", "max(at)"];
        FeatureDefinition[] features = [.. aggregates.Select((aggregate, a) => new FeatureDefinition($"f{a}", aggregate, WindowDefinition.Sliding(Duration.Days(2)), Duration.Zero, null, Value.Null))];
        return new Scenario(new ScenarioShape(FieldType.Int64, 1_000, 0, IsExtreme: false, 0, 0, 0), [new FeatureViewDefinition("v", 1, Scenario.Entity, Scenario.Stream, null, [.. features])], [], 0);
    }
}
