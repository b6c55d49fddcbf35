using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Explanations;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.Operations;

/// <summary>Explanations where the log no longer has everything, and where it has too much.</summary>
public sealed class ExplanationTests
{
    private const int Day = 86_400;
    private const int Customers = 6;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Behind_the_cut_of_the_log_a_value_is_not_comparable_and_before_it_none_differs(int seed)
    {
        await using TestStore store = await TestStore.OpenAsync(AllWindows(), configure: TestStore.Cutting);
        var random = new Random(seed);
        for (int day = 0; day < 12; day++)
        {
            await store.PushAsync([.. Enumerable.Range(0, 150).Select(_ => Draw(random, day)).DistinctBy(push => push.Fields[0])]);
            if (day is 6 or 8)
            {
                await store.Host.CheckpointAsync(TestContext.Current.CancellationToken);
                store.Clock.Advance(TimeSpan.FromMinutes(1));
            }
        }

        store.Host.Status().FirstSequence.ShouldBeGreaterThan(0, "the oldest segments are gone");
        HashSet<(Agreement, bool)> met = await ShouldBeSoundAsync(store, random, $"seed {seed}, live state older than the cut");
        met.ShouldContain((Agreement.NotComparable, true), "live state knows what the log does not");
        met.ShouldContain((Agreement.Agrees, true));

        // What the replay has saved may leave the log as well: hardly anything is left to compare with.
        await store.Host.ReplayAsync(new LogSequence(0), null, TestContext.Current.CancellationToken);
        met = await ShouldBeSoundAsync(store, random, $"seed {seed}, live state of what was left");
        met.ShouldContain((Agreement.NotComparable, true));
        met.ShouldContain((Agreement.Agrees, false), "both say OUTSIDE_RETENTION");
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    public async Task Segments_that_go_while_an_explanation_is_under_way_make_no_value_differ(int seed)
    {
        await using TestStore store = await TestStore.OpenAsync(AllWindows(), configure: TestStore.Cutting);
        var random = new Random(seed);
        var endings = new List<Ending>();
        for (int day = 0; day < 36; day++)
        {
            await store.PushAsync([.. Enumerable.Range(0, 150).Select(_ => Draw(random, day)).DistinctBy(push => push.Fields[0])]);
            store.Clock.Advance(TimeSpan.FromMinutes(1));
            if (day % 3 == 2)
            {
                // Before the first record every other time, else before any of them.
                HostStatus status = store.Host.Status();
                long at = day % 2 == 0 ? -1 : random.NextInt64(status.FirstSequence, status.DurableSequence + 1);
                EventTime asOf = Transactions.At(((day + 1) * Day) - random.Next(2 * Day));
                endings.Add(await CutWhileExplainingAsync(store, $"c{random.Next(Customers)}", asOf, at, $"seed {seed}, day {day}, cut at {at}"));
            }
        }

        endings.ShouldContain(Ending.Complete, $"seed {seed}: what has been read may go");
        endings.ShouldContain(Ending.CutShort, $"seed {seed}: what is still to be read may not");
    }

    [Fact]
    public async Task A_window_of_too_many_events_is_refused_by_name_and_a_narrower_one_is_explained()
    {
        await using TestStore store = await TestStore.OpenAsync(Transactions.Compile(
            [new EntityDefinition("customer", ["customer_id"])],
            [
                new FeatureViewDefinition("wide", 1, "customer", "transactions", null, [new("n", "count", Duration.Days(1), Duration.Zero, null, Value.Null)]),
                new FeatureViewDefinition("narrow", 1, "customer", "transactions", null, [new("n", "count", new Duration(60_000_000), Duration.Zero, null, Value.Null)]),
            ]));
        const int Batch = 50_000;
        for (int first = 0; first < Limits.ExplainEventsMax; first += Batch)
        {
            // A hundred a second, the last of them at 5,000 s.
            await store.PushAsync([.. Enumerable.Range(first, Batch).Select(id => Transactions.Of(id, id / 100, "ann", "t1", 1))]);
        }

        ExplainedValue all = (await ExplainAsync(store, "wide:n", "ann", 5_000)).Single();
        (all.Log.Counts[Exclusion.None], all.Agreement).ShouldBe((Limits.ExplainEventsMax, Agreement.Agrees), "exactly so many are explained");
        all.Log.Events.Count.ShouldBe(10, "and ten of them listed");

        await store.PushAsync(Transactions.Of(Limits.ExplainEventsMax, 5_000, "ann", "t1", 1));
        ExplanationTooLongException refused = await Should.ThrowAsync<ExplanationTooLongException>(() => ExplainAsync(store, "wide:n", "ann", 5_000));
        refused.Message.ShouldContain("the window of wide:n holds more than 500000 events");
        refused.Message.ShouldContain("ask as of an earlier instant, or look at a feature with a shorter window");
        ExplainedValue minute = (await ExplainAsync(store, "narrow:n", "ann", 5_000)).Single();
        (minute.Live, minute.Agreement).ShouldBe((FeatureValue.Of(Value.Of(5_901L)), Agreement.Agrees), "what lies outside the window is counted and not kept");
        minute.Log.Counts[Exclusion.BeforeWindow].ShouldBe(Limits.ExplainEventsMax + 1 - 5_901);
        (await ExplainAsync(store, "wide:n", "ann", 4_000)).Single().Agreement.ShouldBe(Agreement.Agrees, "as of an earlier instant");
    }

    /// <summary>Explains every feature of every customer at several instants; returns what agreements there were, and whether live state had a value.</summary>
    private static async Task<HashSet<(Agreement, bool)>> ShouldBeSoundAsync(TestStore store, Random random, string context)
    {
        var met = new HashSet<(Agreement, bool)>();
        for (int customer = 0; customer <= Customers; customer++)
        {
            var asOf = Transactions.At((11 * Day) - random.Next(Day / 2));
            foreach (ExplainedValue value in await store.Host.ExplainAsync(store.Host.Question("customer", asOf, $"c{customer}"), 10, TestContext.Current.CancellationToken))
            {
                value.Agreement.ShouldNotBe(Agreement.Differs, $"{context}: {value.Log.Feature.Reference} of c{customer} as of {asOf}: served {value.Live.Show()}, recomputed {value.Log.Recomputed.Show()}");
                met.Add((value.Agreement, value.Live.HasValue));
            }
        }

        return met;
    }

    /// <summary>Explains one customer while the oldest segments go: before a record is shown, or where <paramref name="at"/> is -1 before the log is asked where it begins.</summary>
    private static async Task<Ending> CutWhileExplainingAsync(TestStore store, string customer, EventTime asOf, long at, string context)
    {
        bool isCut = false;
        var read = store.Host.Question("customer", asOf, customer);
        await store.Host.ReadAsync(read, TestContext.Current.CancellationToken);
        var log = new ObservedLog(store.Records)
        {
            FirstAsked = () => CutOnce(at < 0),
            Showing = sequence => CutOnce(sequence.Value == at),
        };
        try
        {
            foreach (ExplainedValue value in new Explaining(log, store.Host.Partitions, () => store.Host.Live.History.Floors, 10).Run(read, TestContext.Current.CancellationToken))
            {
                value.Agreement.ShouldNotBe(Agreement.Differs, $"{context}: {value.Log.Feature.Reference} of {customer} as of {asOf}: served {value.Live.Show()}, recomputed {value.Log.Recomputed.Show()}");
            }
        }
        catch (LogTruncatedException truncated)
        {
            at.ShouldBeInRange(0, truncated.FirstSequence.Value - 1, $"{context}: nothing that it still had to read has gone");
            return Ending.CutShort;
        }

        Ending ending = isCut ? Ending.Complete : Ending.BeforeTheCut;
        CutOnce(true); // On the next such day too, a checkpoint is behind all but the last days.
        return ending;

        void CutOnce(bool isNow)
        {
            if (isNow && !isCut)
            {
                isCut = true;
                store.Checkpoint();
            }
        }
    }

    private static async Task<IReadOnlyList<ExplainedValue>> ExplainAsync(TestStore store, string feature, string customer, long seconds)
    {
        var read = new Reads.FeatureRead(store.Host.Catalog.Select([feature], out _)!, 1);
        (read.Keys[0], read.AsOf[0]) = (HostCalls.KeyOf(customer), Transactions.At(seconds));
        return await store.Host.ExplainAsync(read, 10, TestContext.Current.CancellationToken);
    }

    /// <summary>Some late by days, some corrected, some deleted, whether or not the log still has them.</summary>
    private static Push Draw(Random random, int day)
    {
        long at = (day * Day) + random.Next(Day) - (random.Next(5) == 0 ? random.Next(3 * Day) : 0);
        long id = (day * 1_000) + random.Next(1_000);
        Push insert = Transactions.Insert(id, Math.Max(at, 0), $"c{random.Next(Customers)}", "t1", random.Next(-20, 200) / 4.0);
        return random.Next(12) switch
        {
            0 => Transactions.Delete(random.Next((int)id + 1)),
            1 => insert with { Operation = EventOperation.Upsert, Fields = [Value.Of((long)random.Next((int)id + 1)), .. insert.Fields[1..]] },
            _ => insert,
        };
    }

    private static Catalog AllWindows()
    {
        FeatureDefinition[] features =
        [
            new("hour", "count", new Duration(3_600_000_000), Duration.Zero, null, Value.Null),
            new("day", "sum(amount)", Duration.Days(1), Duration.Zero, null, Value.Null),
            new("before", "max(amount)", Duration.Days(1), Duration.Days(1), null, Value.Null),
            new("week", "mean(amount)", Duration.Days(7), Duration.Zero, "amount > 10", Value.Null),
            new("today", "count", WindowDefinition.Tumbling(Duration.Days(1)), Duration.Zero, null, Value.Null),
            new("visit", "count", WindowDefinition.Session(new Duration(3_600_000_000)), Duration.Zero, null, Value.Null),
            new("newest", "sum(amount)", WindowDefinition.Last(7), Duration.Zero, null, Value.Null),
            new("last300", "sum(amount)", WindowDefinition.Last(300), Duration.Zero, null, Value.Null),
            new("ever", "count", WindowDefinition.Lifetime, Duration.Zero, null, Value.Null),
        ];
        return Transactions.Compile([new EntityDefinition("customer", ["customer_id"])], [new FeatureViewDefinition("all", 1, "customer", "transactions", null, [.. features])]);
    }

    /// <summary>How an explanation ended while segments went.</summary>
    private enum Ending
    {
        /// <summary>It had all that it needed.</summary>
        Complete,

        /// <summary>What it was about to read had gone.</summary>
        CutShort,

        /// <summary>It did not come as far as the cut.</summary>
        BeforeTheCut,
    }
}
