using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;
using OrleansFeatures.Domain.Summaries;
using OrleansFeatures.Domain.Tests.Properties;
using OrleansFeatures.Domain.Tests.Summaries;

namespace OrleansFeatures.Domain.Tests.Saving;

/// <summary>Sums of every aggregate over every type, saved and loaded again: the same, whatever comes afterwards; and damaged bytes of them, which are refused or are the bytes of other sums.</summary>
public sealed class SummarySavingProperties
{
    private static readonly FieldType[] Types = [FieldType.Int64, FieldType.Double, FieldType.String, FieldType.Bool, FieldType.Timestamp];
    private static readonly Dictionary<(FieldType, FieldType, FieldType), SummaryFixture> Fixtures = [];

    [Fact]
    public void Loaded_sums_are_the_saved_ones_now_and_after_whatever_comes() => Property.Holds(80, Property.FromRandom(random => Make(random)), sums =>
    {
        Summary saved = sums.Summary();
        Summary loaded = SavedSums.Load(SavedSums.Save(saved), sums.Fixture.Plan);
        SavedSums.Difference(saved, loaded, sums.Fixture.Features, sums.Span).ShouldBeNull($"loaded, {sums}");
        var random = new Random(sums.Seed);
        for (int step = 0; step < 4; step++)
        {
            if (random.Next(2) == 0)
            {
                Summary other = sums.Next(random, random.Next(1, 400));
                saved.Merge(other);
                loaded.Merge(random.Next(2) == 0 ? SavedSums.Load(SavedSums.Save(other), sums.Fixture.Plan) : other);
            }
            else
            {
                int seed = random.Next();
                sums.Add(saved, new Random(seed), 50);
                sums.Add(loaded, new Random(seed), 50);
            }

            SavedSums.Difference(saved, loaded, sums.Fixture.Features, sums.Span).ShouldBeNull($"step {step}, {sums}");
        }

        // The other way round: into sums that know nothing yet.
        (Summary first, Summary second) = (new Summary(sums.Fixture.Plan), new Summary(sums.Fixture.Plan));
        first.Merge(saved);
        second.Merge(SavedSums.Load(SavedSums.Save(loaded), sums.Fixture.Plan));
        SavedSums.Difference(first, second, sums.Fixture.Features, sums.Span).ShouldBeNull($"merged into empty ones, {sums}");
    });

    [Fact]
    public void Damaged_bytes_are_refused_or_are_sums_that_answer_and_go_on()
    {
        var outcomes = new Dictionary<string, int>();
        Property.Holds(30, Property.FromRandom(random => Make(random)), sums =>
        {
            byte[] bytes = SavedSums.Save(sums.Summary());
            var random = new Random(sums.Seed);
            for (int attempt = 0; attempt < 60; attempt++)
            {
                byte[] damaged = Damage.Of(bytes, random);
                long before = GC.GetAllocatedBytesForCurrentThread();
                Summary loaded;
                try
                {
                    loaded = SavedSums.Load(damaged, sums.Fixture.Plan);
                }
                catch (StateFormatException)
                {
                    outcomes["refused"] = outcomes.GetValueOrDefault("refused") + 1;
                    continue;
                }
                finally
                {
                    (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Damage.AllocationMax(damaged.Length), $"attempt {attempt}, {sums}");
                }

                outcomes["read"] = outcomes.GetValueOrDefault("read") + 1;
                foreach (FeaturePlan feature in sums.Fixture.Features)
                {
                    _ = loaded.Compute(feature, sums.Span);
                }

                sums.Add(loaded, random, 20);
                loaded.Merge(sums.Summary());
                Summary merged = sums.Summary();
                merged.Merge(loaded);
                foreach (FeaturePlan feature in sums.Fixture.Features)
                {
                    _ = merged.Compute(feature, sums.Span);
                }

                // Whatever was read can be saved and read again.
                SavedSums.Difference(merged, SavedSums.Load(SavedSums.Save(merged), sums.Fixture.Plan), sums.Fixture.Features, sums.Span).ShouldBeNull($"attempt {attempt}, {sums}");
            }
        });
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", outcomes));
        outcomes["refused"].ShouldBeGreaterThan(500);
        outcomes["read"].ShouldBeGreaterThan(100);
    }

    [Fact]
    public void Every_cut_is_refused() => Property.Holds(12, Property.FromRandom(random => Make(random, rowsMax: 30)), sums =>
    {
        byte[] bytes = SavedSums.Save(sums.Summary());
        for (int length = 0; length < bytes.Length; length++)
        {
            Should.Throw<StateFormatException>(() => SavedSums.Load(bytes.AsSpan(0, length), sums.Fixture.Plan), $"{length} of {bytes.Length} bytes, {sums}");
        }

        Should.Throw<StateFormatException>(() => SavedSums.Load([.. bytes, 0], sums.Fixture.Plan), $"a byte more than {bytes.Length}, {sums}");
    });

    [Fact]
    public void Saved_sums_take_less_than_they_do_in_memory()
    {
        foreach (FieldType type in Types)
        {
            foreach (int rows in (int[])[1, 10, 1_000, 20_000])
            {
                var sums = new Sums(SummaryFixture.OfAll(type, FieldType.String), type, FieldType.String, rows, Parts: 1, Distinct: 2_000, Seed: 5);
                Summary summary = sums.Summary();
                int bytes = SavedSums.Save(summary).Length;
                TestContext.Current.TestOutputHelper?.WriteLine($"{type}, {rows} rows, {sums.Fixture.Plan.Specs.Length} specs of all aggregates: {bytes} bytes saved, {summary.Bytes} in memory");
                bytes.ShouldBeLessThan((int)summary.Bytes * 3 / 4);
            }
        }
    }

    private static Sums Make(Random random, int rowsMax = 3_000)
    {
        (FieldType type, FieldType category, FieldType ids) = (ScenarioMaker.Pick(random, Types), ScenarioMaker.Pick(random, Types), random.Next(3) == 0 ? FieldType.String : FieldType.Int64);
        if (!Fixtures.TryGetValue((type, category, ids), out SummaryFixture? fixture))
        {
            Fixtures[(type, category, ids)] = fixture = SummaryFixture.OfAll(type, category, ids);
        }

        return new Sums(fixture, type, category, random.Next(4) == 0 ? random.Next(1, 5) : random.Next(1, rowsMax), random.Next(1, 5), ScenarioMaker.Pick(random, [3, 60, 300, 5_000]), random.Next());
    }

    /// <summary>How to make the same sums again and again.</summary>
    private sealed record Sums(SummaryFixture Fixture, FieldType Type, FieldType Category, int Rows, int Parts, int Distinct, int Seed)
    {
        public WindowSpan Span => new(AsOf: 2_000_000_000, After: WindowSpan.NoStart, Through: 1_999_000_000);

        public Summary Summary()
        {
            var random = new Random(Seed);
            var summary = new Summary(Fixture.Plan);
            for (int part = 0; part < Parts; part++)
            {
                if (random.Next(2) == 0)
                {
                    summary.Merge(Next(random, 1 + (Rows / Parts)));
                }
                else
                {
                    Add(summary, random, 1 + (Rows / Parts));
                }
            }

            return summary;
        }

        public Summary Next(Random random, int rows)
        {
            var summary = new Summary(Fixture.Plan);
            Add(summary, random, rows);
            return summary;
        }

        public void Add(Summary summary, Random random, int rows)
        {
            for (int row = 0; row < rows; row++)
            {
                Value value = random.Next(10) == 0 ? Value.Null : SavedSums.Random(random, Type, Distinct);
                Value category = random.Next(10) == 0 ? Value.Null : SavedSums.Random(random, Category, random.Next(2) == 0 ? 3 : Distinct);
                EventId id = Fixture.HasTextIds ? EventId.Of($"e{random.Next()}") : EventId.Of(random.Next(20) == 0 ? random.NextInt64(long.MinValue, long.MaxValue) : random.Next(10_000));
                summary.Add(new SummaryRow(random.Next(1_900_000_000), id, random.Next(4) == 0 ? 0 : SummaryFixture.Filter, [value, category]));
            }
        }

        public override string ToString() => $"{Rows} rows in {Parts} parts of {Distinct} values, {Type} by {Category}, seed {Seed}";
    }
}
