using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Amendments;

/// <summary>
/// Events, corrections and predictions at random instants, all at once, with a restart in the middle: in the end whoever has listened believes of every prediction what a naive oracle says that its answer should have been, and each
/// amendment has begun where the one before it ended.
/// </summary>
public sealed class AmendmentPropertyTests
{
    private const int Users = 4;
    private const int Seconds = 200;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whoever_listens_believes_what_is_true(int seed)
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var events = new Dictionary<long, (string User, long Second, double Amount)>();
        var served = new Dictionary<string, (string User, long Second, GetFeaturesResponse Answer)>();
        for (int half = 0; half < 2; half++)
        {
            Task pushing = PushAsync(store, new Random((seed * 10) + half), events);
            await Task.WhenAll(pushing, AskAsync(store, new Random((seed * 20) + half), half, served));
            await (half == 0 ? store.RestartAsync() : Task.CompletedTask);
        }

        List<Amendment> amendments = await EverythingAsync(store);
        amendments.Count.ShouldBeGreaterThan(20, $"seed {seed}: the test amends something");
        amendments.Select(amendment => amendment.Sequence).ShouldBe(Enumerable.Range(1, amendments.Count).Select(number => (ulong)number));
        foreach ((string id, (string user, long second, GetFeaturesResponse answer)) in served)
        {
            (FeatureCell N, FeatureCell Total) believed = (CellOf(answer, 0), CellOf(answer, 1));
            foreach (Amendment amendment in amendments.Where(amendment => amendment.PredictionId == id))
            {
                foreach (AmendedFeature feature in amendment.Features)
                {
                    (FeatureCell before, FeatureCell first) = feature.Name == "user_stats:n" ? (believed.N, CellOf(answer, 0)) : (believed.Total, CellOf(answer, 1));
                    feature.Was.ShouldBe(before, $"seed {seed}, {id}, {feature.Name}");
                    feature.Served.ShouldBe(first, $"seed {seed}, {id}, {feature.Name}");
                    feature.Is.ShouldNotBe(feature.Was, $"seed {seed}, {id}, {feature.Name}");
                    believed = feature.Name == "user_stats:n" ? (feature.Is, believed.Total) : (believed.N, feature.Is);
                }
            }

            double[] amounts = [.. events.Values.Where(one => one.User == user && one.Second <= second).Select(one => one.Amount)];
            ((believed.N.Scalar?.Int64 ?? 0), (believed.Total.Scalar?.Double ?? 0)).ShouldBe((amounts.Length, amounts.Sum()), $"seed {seed}, {id}");
        }
    }

    private static async Task PushAsync(RunningStore store, Random random, Dictionary<long, (string User, long Second, double Amount)> events)
    {
        for (int push = 0; push < 60; push++)
        {
            int choice = random.Next(10);
            long id = choice < 7 || events.Count == 0 ? 1 + (events.Count == 0 ? 0 : events.Keys.Max()) : events.Keys.ElementAt(random.Next(events.Count));
            (string User, long Second, double Amount) one = ($"user{random.Next(Users)}", random.Next(Seconds), random.Next(1, 100));
            PushRequest request = Clicks.Rows(Clicks.Row(id, one.Second, one.User, amount: one.Amount));
            request.Operation = choice < 7 || events.Count == 0 ? Operation.Insert : choice < 9 ? Operation.Upsert : Operation.Delete;
            (await store.Ingest.PushAsync(request, cancellationToken: RunningStore.Cancelled)).Quarantined.ShouldBe(0ul);
            if (request.Operation == Operation.Delete)
            {
                // Its id is spoken for, so it stays as an event that nobody reads.
                one = ("deleted", 0, 0);
            }

            events[id] = one;
        }
    }

    private static async Task AskAsync(RunningStore store, Random random, int half, Dictionary<string, (string User, long Second, GetFeaturesResponse Answer)> served)
    {
        for (int ask = 0; ask < 60; ask++)
        {
            (string user, long second) = ($"user{random.Next(Users)}", random.Next(Seconds));
            GetFeaturesRequest request = Clicks.Ask(user, second, null, "user_stats:n", "user_stats:total");
            string id = $"{half}-{ask}";
            request.PredictionIds.Add(id);
            served[id] = (user, second, await store.Features.GetFeaturesAsync(request, cancellationToken: RunningStore.Cancelled));
        }
    }

    /// <summary>
    /// All amendments, once detection has come to the end of the log: a last prediction has been amended twice by then, and the second time can only be by the log, behind everything else.
    /// </summary>
    private static async Task<List<Amendment>> EverythingAsync(RunningStore store)
    {
        GetFeaturesRequest last = Clicks.Ask("last", 10, null, "user_stats:n");
        last.PredictionIds.Add("last");
        await store.Features.GetFeaturesAsync(last, cancellationToken: RunningStore.Cancelled);
        await using var listener = new AmendmentListener(store.Features);
        var all = new List<Amendment>();
        for (long id = 1_000_000; id < 1_000_002; id++)
        {
            await store.Ingest.PushAsync(Clicks.Rows(Clicks.Row(id, 1, "last")), cancellationToken: RunningStore.Cancelled);
            do
            {
                all.AddRange(await listener.TakeAsync(1));
            }
            while (all[^1].PredictionId != "last");
        }

        return all;
    }

    private static FeatureCell CellOf(GetFeaturesResponse answer, int column)
    {
        var cell = new FeatureCell { Status = answer.Rows.Statuses.IsEmpty ? FeatureStatus.Present : (FeatureStatus)answer.Rows.Statuses[column] };
        cell.Scalar = cell.Status != FeatureStatus.Present ? null : column == 0 ? Clicks.Of(answer.Rows.Int64S[0]) : Clicks.Of(answer.Rows.Doubles[0]);
        return cell;
    }
}
