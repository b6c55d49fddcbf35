using OrleansFeatures.Domain.Explanations;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.History;
using OrleansFeatures.Entities.Operations;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Tests.History;

/// <summary>
/// Training reads while old segments go. Every customer has events on every day, and a row asks for each day's window:
/// <code>
///   day 0 .... 5 │ 6 .... 11        the cut takes most of what lies before the line, live state reaches back an hour
///                └ checkpoint
/// </code>
/// </summary>
public sealed class HistoryReaderTests
{
    private const int Day = 86_400;
    private const int Days = 12;
    private const int Customers = 10;
    private const int EventsPerDay = 20;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_goes_while_a_training_read_waits_for_its_turn_is_outside_retention()
    {
        await using TestStore store = await AboutToBeCutAsync();
        Held[] held = [.. Enumerable.Range(0, Limits.HistoryReadsAtOnceMax).Select(_ => new Held(store))];
        await Task.WhenAll(held.Select(one => one.Begun));
        FeatureRead late = Question(store);
        Task waiting = store.Host.ReadHistoryAsync(late, null, Cancel).AsTask();
        waiting.IsCompleted.ShouldBeFalse("all turns are taken");

        await CutAsync(store);
        foreach (Held one in held)
        {
            one.End();
            ShouldBeWhole(await one.Done);
        }

        await waiting;
        ShouldHaveNoWindowCutInTwo(late);
    }

    [Fact]
    public async Task What_goes_between_two_passes_is_outside_retention_in_the_second()
    {
        await using TestStore store = await AboutToBeCutAsync();
        int passes = 0;
        var log = new ObservedLog(store.Records)
        {
            EndOfPartitions = new LogOffset(Limits.HistoryRecordsPerPassMax),
            PassOver = () =>
            {
                if (++passes == 1)
                {
                    store.Checkpoint();
                }
            },
        };
        FeatureRead read = Question(store);
        await store.Host.ReadAsync(read, Cancel);
        new HistoryReader(log, store.Host.Partitions, () => store.Host.Live.History.Floors).Fill(read, null, Cancel);

        int[] homes = [.. Enumerable.Range(0, read.Rows).Select(row => store.Host.Partitions.Of(read.Selection.Entities[0].Entity, read.KeyOf(row, 0)).Value)];
        passes.ShouldBe(homes.Distinct().Count(), "each partition is said to fill a pass");
        passes.ShouldBeGreaterThan(1);
        for (int row = 0; row < read.Rows; row++)
        {
            if (homes[row] == homes.Min())
            {
                CountOf(read, row).ShouldBe(Whole, "it was read before the cut");
            }
        }

        ShouldHaveNoWindowCutInTwo(read);
    }

    [Fact]
    public async Task What_goes_after_a_pass_has_asked_what_is_missing_is_asked_for_again()
    {
        await using TestStore store = await AboutToBeCutAsync();
        FeatureRead read = Question(store);
        await store.Host.ReadAsync(read, Cancel);
        int asked = 0;
        var reader = new HistoryReader(
            store.Records, store.Host.Partitions, () =>
            {
                var floors = new Dictionary<uint, long>(store.Host.Live.History.Floors);
                if (++asked == 1)
                {
                    store.Checkpoint();
                }

                return floors;
            });
        reader.Fill(read, null, Cancel);
        asked.ShouldBe(2, "the first pass met the cut");
        ShouldHaveNoWindowCutInTwo(read);
    }

    [Fact]
    public async Task What_goes_while_the_log_is_being_read_is_outside_retention()
    {
        await using TestStore store = await AboutToBeCutAsync();
        FeatureRead read = Question(store);
        bool isCut = false;
        var log = new ObservedLog(store.Records)
        {
            Showing = _ =>
            {
                if (!isCut)
                {
                    isCut = true;
                    store.Checkpoint();
                }
            },
        };
        await new LongReads(log, store.Host, _ => store.Host.Live.History.Floors).FillAsync(read, () => RowReads.Fill(read, store.Host.Live, store.Host.Partitions, Cancel), null, Cancel);
        isCut.ShouldBeTrue();
        ShouldHaveNoWindowCutInTwo(read);
    }

    [Fact]
    public async Task A_log_that_is_cut_again_and_again_refuses_the_read_and_says_what_to_do()
    {
        await using TestStore store = await AboutToBeCutAsync();
        int passes = 0;
        var log = new ObservedLog(store.Records)
        {
            Showing = sequence =>
            {
                passes++;
                throw new LogTruncatedException(sequence, new LogSequence(77));
            },
        };
        FeatureRead read = Question(store);
        await store.Host.ReadAsync(read, Cancel);
        FeatureValue[] live = [.. read.Values];
        var reads = new LongReads(log, store.Host, _ => store.Host.Live.History.Floors);
        HistoryCutException refused = await Should.ThrowAsync<HistoryCutException>(() => reads.FillAsync(read, live: null, null, Cancel));
        passes.ShouldBe(Limits.HistoryTriesMax);
        refused.Message.ShouldContain("the log begins at sequence 77 now. Ask again");
        refused.Message.ShouldContain("--history");
        read.Values.ShouldBe(live, "nothing is answered from a pass that was not whole");

        await Should.ThrowAsync<HistoryCutException>(() => reads.ExplainAsync(store.Host.Question("customer", Transactions.At(Day), "c1"), 10, Cancel));
        passes.ShouldBe(2 * Limits.HistoryTriesMax);
    }

    [Fact]
    public async Task An_explanation_that_a_cut_meets_is_made_again_from_what_is_left()
    {
        await using TestStore store = await AboutToBeCutAsync();
        bool isCut = false;
        var log = new ObservedLog(store.Records)
        {
            Showing = _ =>
            {
                if (!isCut)
                {
                    isCut = true;
                    store.Checkpoint();
                }
            },
        };
        IReadOnlyList<ExplainedValue> values = await new LongReads(log, store.Host, _ => store.Host.Live.History.Floors)
            .ExplainAsync(store.Host.Question("customer", Transactions.At(Days * Day), "c1"), 10, Cancel);
        isCut.ShouldBeTrue();
        values.ShouldAllBe(value => value.Agreement != Agreement.Differs);
    }

    [Fact]
    public async Task What_goes_with_the_checkpoint_of_a_generation_that_is_about_to_take_over_is_outside_retention()
    {
        await using TestStore store = await AboutToBeCutAsync();
        FeatureRead meanwhile = Question(store);
        await store.Host.ChangeCatalogAsync(
            Transactions.Catalog(terminals: false), () =>
            {
                store.Host.Status().FirstSequence.ShouldBeGreaterThan(0, "its checkpoint has dropped the oldest segments");
                store.ReadHistory(meanwhile);
            },
            Cancel);
        ShouldHaveNoWindowCutInTwo(meanwhile);
    }

    private static FeatureValue Whole => FeatureValue.Of(Domain.Events.Value.Of((long)EventsPerDay));

    /// <summary>A store whose next checkpoint drops about the first half of the log.</summary>
    private static async Task<TestStore> AboutToBeCutAsync()
    {
        TestStore store = await TestStore.OpenAsync(configure: TestStore.Cutting);
        for (int day = 0; day < Days; day++)
        {
            await store.PushAsync([.. Enumerable.Range(0, Customers * EventsPerDay).Select(id => Transactions.Of((day * 1_000) + id, (day * Day) + id, $"c{id % Customers}", "t1", 1))]);
            if (day == Days / 2)
            {
                await store.Host.CheckpointAsync(Cancel);
            }
        }

        store.Clock.Advance(TimeSpan.FromMinutes(1));
        store.Host.Status().FirstSequence.ShouldBe(0);
        return store;
    }

    private static async Task CutAsync(TestStore store)
    {
        await store.Host.CheckpointAsync(Cancel);
        store.Host.Status().FirstSequence.ShouldBeGreaterThan(0, "the oldest segments are gone");
    }

    /// <summary>Every customer's hour at the end of every day's events.</summary>
    private static FeatureRead Question(TestStore store)
    {
        var read = new FeatureRead(store.Host.Catalog.Select(["customer_spend:count"], out _)!, Days * Customers);
        for (int row = 0; row < read.Rows; row++)
        {
            (read.Keys[row], read.AsOf[row]) = (HostCalls.KeyOf($"c{row % Customers}"), Transactions.At((row / Customers * Day) + (Customers * EventsPerDay)));
        }

        return read;
    }

    private static FeatureValue CountOf(FeatureRead read, int row) => read.Values[row];

    private static void ShouldBeWhole(FeatureRead read) => read.Values.ShouldAllBe(value => value.Equals(Whole));

    /// <summary>Each window is answered whole or not at all: the newest are, the oldest are not.</summary>
    private static void ShouldHaveNoWindowCutInTwo(FeatureRead read)
    {
        for (int row = 0; row < read.Rows; row++)
        {
            CountOf(read, row).ShouldBeOneOf([Whole, FeatureValue.OutsideRetention], $"day {row / Customers}, customer c{row % Customers}");
        }

        read.Values.ShouldContain(FeatureValue.OutsideRetention);
        read.Values[^Customers..].ShouldAllBe(value => value.Equals(Whole));
    }

    /// <summary>A training read that keeps its turn, with its answer ready, until it is ended.</summary>
    private sealed class Held : IProgress<HistoryProgress>
    {
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ends = new();

        public Held(TestStore store) => Done = RunAsync(store, Question(store));

        public Task Begun => _begun.Task.WaitAsync(Cancel);

        public Task<FeatureRead> Done { get; }

        public void End() => _ends.SetResult();

        /// <summary>Told in its turn; stays there once the log has been read.</summary>
        public void Report(HistoryProgress value)
        {
            if (value.RecordsRead == value.RecordsTotal)
            {
                _begun.TrySetResult();
                _ends.Task.Wait(Cancel);
            }
        }

        private async Task<FeatureRead> RunAsync(TestStore store, FeatureRead read)
        {
            await store.Host.ReadHistoryAsync(read, this, Cancel);
            return read;
        }
    }
}
