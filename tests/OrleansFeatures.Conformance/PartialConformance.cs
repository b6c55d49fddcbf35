using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Conformance;

/// <summary>Reads that take an answer to some rows for an answer.</summary>
public abstract class PartialConformance<TStores> : HostConformance<TStores>
    where TStores : IStores
{
    private const int Customers = 40;

    private static readonly string[] Keys = [.. Enumerable.Range(0, Customers).Select(number => $"customer {number}")];

    [Fact]
    public async Task With_time_enough_a_partial_read_answers_what_a_whole_one_does()
    {
        await using ConformanceStore store = await FilledAsync();
        foreach (IEntityHost entry in store.Entries)
        {
            FeatureRead whole = await entry.AskAsync("customer", Transactions.At(Customers), Keys);
            using PartialRows rows = new(Customers, Timeout.InfiniteTimeSpan, store.Clock);
            FeatureRead partial = await AskAsync(entry, rows);
            rows.IsWhole.ShouldBeTrue();
            partial.Values.ShouldBe(whole.Values);
            partial.Stamps.ShouldBe(whole.Stamps);
        }
    }

    [Fact]
    public async Task Without_time_a_partial_read_answers_no_row_and_says_so_of_each()
    {
        await using ConformanceStore store = await FilledAsync();
        foreach (IEntityHost entry in store.Entries)
        {
            using PartialRows rows = new(Customers, TimeSpan.Zero, store.Clock);
            FeatureRead partial = await AskAsync(entry, rows);
            rows.Outcomes.ToArray().ShouldAllBe(outcome => outcome == RowOutcome.OutOfTime);
            partial.Values.ShouldAllBe(value => value == FeatureValue.Invalid);
            partial.Stamps.ShouldAllBe(stamp => stamp == default);
        }
    }

    [Fact]
    public async Task Rows_that_were_given_up_before_are_not_read_and_their_neighbours_are()
    {
        await using ConformanceStore store = await FilledAsync();
        foreach (IEntityHost entry in store.Entries)
        {
            FeatureRead whole = await entry.AskAsync("customer", Transactions.At(Customers), Keys);
            using PartialRows rows = new(Customers, TimeSpan.FromMinutes(1), store.Clock);
            FeatureRead partial = await AskAsync(entry, rows, read =>
            {
                read.GiveUp(3, RowOutcome.OutOfTime);
                read.GiveUp(17, RowOutcome.Lost);
            });
            for (int row = 0; row < Customers; row++)
            {
                bool isAnswered = row is not (3 or 17);
                rows.IsGivenUp(row).ShouldBe(!isAnswered);
                partial.Stamps[row].ShouldBe(isAnswered ? whole.Stamps[row] : default);
                partial.Values.Chunk(3).ElementAt(row).ShouldBe(isAnswered ? whole.Values.Chunk(3).ElementAt(row) : [FeatureValue.Invalid, FeatureValue.Invalid, FeatureValue.Invalid]);
            }

            rows.Outcomes[17].ShouldBe(RowOutcome.Lost);
        }
    }

    [Fact]
    public async Task A_partial_read_that_nobody_waits_for_any_more_is_cancelled_as_any_other()
    {
        await using ConformanceStore store = await FilledAsync();
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();
        foreach (IEntityHost entry in store.Entries)
        {
            using PartialRows rows = new(Customers, TimeSpan.FromMinutes(1), store.Clock);
            var read = new FeatureRead(entry.Catalog.AllOf("customer")!, Customers) { Partial = rows };
            Array.Fill(read.Keys, HostCalls.KeyOf("customer 1"));
            await Should.ThrowAsync<OperationCanceledException>(async () => await entry.ReadAsync(read, gone.Token));
        }
    }

    private static async Task<ConformanceStore> FilledAsync()
    {
        ConformanceStore store = await OpenAsync();
        await store.PushAsync([.. Keys.Select((key, number) => Transactions.Of(number, number, key, $"t{number % 7}", number + 1))]);
        return store;
    }

    private static async Task<FeatureRead> AskAsync(IEntityHost entry, PartialRows rows, Action<FeatureRead>? before = null)
    {
        var read = new FeatureRead(entry.Catalog.AllOf("customer")!, Customers) { Partial = rows };
        for (int row = 0; row < Customers; row++)
        {
            read.Keys[row] = HostCalls.KeyOf(Keys[row]);
            read.AsOf[row] = Transactions.At(Customers);
        }

        before?.Invoke(read);
        await entry.ReadAsync(read, Cancel);
        return read;
    }
}
