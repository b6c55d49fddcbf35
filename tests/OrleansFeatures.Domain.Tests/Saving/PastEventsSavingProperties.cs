using System.Text;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Memory;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Properties;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Tests.Saving;

/// <summary>Buckets and lifetime sums of one timeline, saved and loaded again, and damaged in between.</summary>
public sealed class PastEventsSavingProperties
{
    private const long Second = 1_000_000;
    private const long Hop = 300 * Second;
    private static readonly long Start = 1_521_676_800 * Second;

    [Fact]
    public void Loaded_past_events_are_the_saved_ones_now_and_after_whatever_comes() => Property.Holds(120, Property.FromRandom(random => new Past(random.Next(), random.Next(2) == 0, random.Next(3) == 0)), past =>
    {
        (PastEvents saved, RowLayout layout) = (past.Make(), past.Layout);
        PastEvents loaded = Load(Save(saved), layout);
        loaded.Account().ShouldBe(saved.Bytes, "nothing of it was accounted before");
        saved.Account();
        Compare(past, saved, loaded, "loaded");
        var random = new Random(past.Seed);
        for (int step = 0; step < 8; step++)
        {
            int seed = random.Next();
            past.Step(saved, new Random(seed));
            past.Step(loaded, new Random(seed));
            loaded.Account().ShouldBe(saved.Account(), $"step {step}, {past}");
            Compare(past, saved, loaded, $"step {step}");
        }
    });

    [Fact]
    public void Damaged_past_events_are_refused_or_answer_and_go_on()
    {
        (int refused, int read) = (0, 0);
        Property.Holds(60, Property.FromRandom(random => new Past(random.Next(), random.Next(2) == 0, random.Next(3) == 0)), past =>
        {
            byte[] bytes = Save(past.Make());
            var random = new Random(past.Seed);
            for (int attempt = 0; attempt < 80; attempt++)
            {
                byte[] damaged = Damage.Of(bytes, random);
                long before = GC.GetAllocatedBytesForCurrentThread();
                PastEvents loaded;
                try
                {
                    loaded = Load(damaged, past.Layout);
                    read++;
                }
                catch (StateFormatException)
                {
                    refused++;
                    continue;
                }
                finally
                {
                    (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Damage.AllocationMax(damaged.Length), $"attempt {attempt}, {past}");
                }

                for (int step = 0; step < 4; step++)
                {
                    past.Step(loaded, random);
                    past.Answers(loaded).ShouldNotBeEmpty();
                }
            }
        });
        TestContext.Current.TestOutputHelper?.WriteLine($"{refused} refused, {read} read");
        refused.ShouldBeGreaterThan(1_000);
        read.ShouldBeGreaterThan(200);
    }

    [Fact]
    public void Another_format_is_named()
    {
        var past = new Past(1, HasLifetime: true, HasTextIds: false);
        byte[] bytes = Save(past.Make());
        bytes[0] = 2;
        Should.Throw<StateFormatException>(() => Load(bytes, past.Layout)).Message.ShouldContain("format 2, and this program reads format 1");
    }

    [Fact]
    public void An_empty_past_is_a_few_bytes()
    {
        var past = new Past(1, HasLifetime: true, HasTextIds: false);
        byte[] bytes = Save(new PastEvents());
        bytes.Length.ShouldBe(12);
        PastEvents loaded = Load(bytes, past.Layout);
        (loaded.FloorMicros, loaded.CompactedThroughMicros, loaded.EventCount, loaded.Bytes).ShouldBe((long.MaxValue, long.MinValue, 0, 0));
    }

    private static void Compare(Past past, PastEvents saved, PastEvents loaded, string when)
    {
        (loaded.FloorMicros, loaded.CompactedThroughMicros, loaded.EventCount, loaded.Bytes).ShouldBe((saved.FloorMicros, saved.CompactedThroughMicros, saved.EventCount, saved.Bytes), $"{when}, {past}");
        foreach (((string feature, FeatureValue before), (_, FeatureValue after)) in past.Answers(saved).Zip(past.Answers(loaded)))
        {
            SavedSums.Same(before, after).ShouldBeTrue($"{when}, {feature}: {after} where {before} was saved, {past}");
        }

        Save(loaded).AsSpan().SequenceEqual(Save(saved)).ShouldBeTrue($"{when}, saved again, {past}");
    }

    private static byte[] Save(PastEvents past)
    {
        var to = new StateWriter();
        past.Save(to);
        return to.Written.ToArray();
    }

    private static PastEvents Load(ReadOnlySpan<byte> bytes, RowLayout layout)
    {
        var from = new StateReader(bytes);
        PastEvents past = PastEvents.Load(ref from, layout);
        from.End();
        return past;
    }

    /// <summary>Past events that are made, and go on, by a seed; the features are drawn by it as well.</summary>
    private sealed record Past(int Seed, bool HasLifetime, bool HasTextIds)
    {
        private RowLayout? _layout;

        public RowLayout Layout => _layout ??= Compile();

        public PastEvents Make()
        {
            var random = new Random(Seed);
            var past = new PastEvents();
            for (int step = random.Next(1, 12); step > 0; step--)
            {
                Step(past, random);
            }

            return past;
        }

        /// <summary>Something that a timeline does with what it no longer holds.</summary>
        public void Step(PastEvents past, Random random)
        {
            switch (random.Next(9))
            {
                case 5:
                    past.Muddle(Layout, Start + random.NextInt64(20 * Hop));
                    break;
                case 0 when past.CompactedThroughMicros != long.MinValue:
                    past.Forget(Layout, past.FloorMicros == long.MinValue ? Start : past.FloorMicros + (random.Next(4) * Hop));
                    break;
                case 1:
                    past.Shrink(Layout, past.Bytes * random.Next(50, 110) / 100);
                    break;
                case 2:
                    past.Account();
                    break;
                case 3 when past.CompactedThroughMicros != long.MinValue:
                    for (int row = 0; row < 20; row++)
                    {
                        past.Add(Layout, Row(random, past.CompactedThroughMicros - (random.Next(20) * Hop / 2)));
                    }

                    break;
                case 4 when HasLifetime && past.CompactedThroughMicros == long.MinValue:
                    for (int row = 0; row < 50; row++)
                    {
                        past.Take(Layout, Row(random, Start + (random.Next(100) * Second)), toBucket: false);
                    }

                    break;
                default:
                    long from = past.CompactedThroughMicros == long.MinValue ? Start : past.CompactedThroughMicros;
                    long through = from + (random.Next(1, 10) * Hop);
                    past.Compact(through, random.Next(3) == 0 ? long.MinValue : Start - 1);
                    for (int row = random.Next(200); row > 0; row--)
                    {
                        past.Take(Layout, Row(random, from + 1 + random.NextInt64(through - from)), toBucket: true);
                    }

                    break;
            }
        }

        public List<(string Feature, FeatureValue Value)> Answers(PastEvents past)
        {
            List<(string, FeatureValue)> answers = [];
            foreach (FeaturePlan feature in Layout.Plan.Features)
            {
                bool isLifetime = feature.Window.Window.Kind == WindowKind.Lifetime;
                long through = Start + (12 * Hop) + (feature.Aggregate.Kind.GetHashCode() % 2 * Second);
                long after = isLifetime ? long.MinValue : through - (6 * Hop);
                var range = new WindowRange(Coverage.Summed, default, default, after, new Domain.Aggregates.WindowSpan(through, isLifetime ? Domain.Aggregates.WindowSpan.NoStart : after, isLifetime ? long.MaxValue / 2 : through));
                answers.Add((feature.Name, past.Read(feature, range, new TimelineReader(default, Layout, EventTime.Never.Micros), Layout, EventTime.Never)));
            }

            return answers;
        }

        public override string ToString() => $"seed {Seed}, lifetime {HasLifetime}, text ids {HasTextIds}";

        private long[] Row(Random random, long time)
        {
            var row = new long[Layout.CellCount];
            row[RowLayout.Time] = time;
            row[RowLayout.Arrival] = time + random.Next(1_000);
            row[RowLayout.Until] = random.Next(20) == 0 ? long.MaxValue - time - 5 : 0;
            ulong flags = (ulong)random.Next(1 << Layout.Plan.Filters.Length);
            row[RowLayout.Id] = HasTextIds ? Layout.Memory.Texts.Add(Encoding.UTF8.GetBytes($"event {random.Next()}")) : random.Next();
            for (int column = 0; column < Layout.Plan.Columns.Length; column++)
            {
                ColumnPlan plan = Layout.Plan.Columns[column];
                if (random.Next(10) == 0)
                {
                    flags |= plan.NullBit;
                    continue;
                }

                Value value = SavedSums.Random(random, plan.Type, distinct: 40);
                row[RowLayout.FirstColumn + column] = plan.Type == FieldType.String ? Layout.Memory.Texts.Add(Encoding.UTF8.GetBytes(value.Text)) : value.Bits;
            }

            row[RowLayout.Flags] = (long)flags;
            return row;
        }

        private RowLayout Compile()
        {
            var random = new Random(Seed);
            string[] aggregates = [.. ScenarioMaker.Aggregates()];
            var accuracy = new AccuracyDefinition(new Duration(900 * Second), new Duration(Hop));
            FeatureDefinition Feature(int index)
            {
                string aggregate = ScenarioMaker.Pick(random, aggregates);
                bool isScalar = Domain.Aggregates.AggregateCall.Parse(aggregate, out _, out _)!.Shape == FeatureShape.Scalar;
                WindowDefinition window = HasLifetime && index % 2 == 0 ? WindowDefinition.Lifetime : WindowDefinition.Sliding(Duration.Days(1));
                return new FeatureDefinition($"f{index}", aggregate, window, Duration.Zero, random.Next(3) == 0 ? "units >= 0" : null, Value.Null)
                {
                    Accuracy = accuracy,
                    By = isScalar && random.Next(3) == 0 ? ScenarioMaker.Pick(random, ["tag", "ok", "units", "amount"]) : null,
                };
            }

            var shape = new ScenarioShape(HasTextIds ? FieldType.String : FieldType.Int64, 1, 1, false, 0, 0, 0);
            var view = new FeatureViewDefinition("all", 1, Scenario.Entity, Scenario.Stream, null, [.. Enumerable.Range(0, 8).Select(Feature)]);
            return new RowLayout(new Scenario(shape, [view], [], Seed).Compile().Entity(Scenario.Entity)!.Timelines[0], new StateMemory());
        }
    }
}
