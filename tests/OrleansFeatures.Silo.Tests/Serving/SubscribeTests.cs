using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Silo.Tests.Kit;
using OrleansFeatures.Silo.Tests.Operations;
using OrleansFeatures.V1;

namespace OrleansFeatures.Silo.Tests.Serving;

/// <summary>Subscriptions at one silo to what all of them take in, that go on at another.</summary>
public sealed class SubscribeTests
{
    private const int Users = 8;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Changes_pushed_through_any_silo_are_told_by_every_silo_and_a_place_of_one_is_a_place_of_the_other()
    {
        await using ServingSilos silos = await ServingSilos.StartAsync(2);
        (SiloClient first, SiloClient second) = (silos["silo-0"], silos["silo-1"]);
        using ChangeReader ada = await new ChangeReader("ada").AtAsync(first);
        using ChangeReader everybody = await new ChangeReader().AtAsync(second);

        // One event at a time, pushed and read at alternating silos: each is told once, and the next place is behind it.
        for (int number = 1; number <= 6; number++)
        {
            SiloClient pushedAt = number % 2 == 0 ? first : second;
            await pushedAt.PushAsync(Clicks.Row(number, number), Clicks.Row(100 + number, number, "bob"));
            await ada.UntilAsync(read => read.Count >= number, $"event {number} of ada");
            await everybody.UntilAsync(read => read.Count >= 2 * number, $"event {number} of everybody");
            await ada.AtAsync(number % 2 == 0 ? first : second);
            await everybody.AtAsync(number % 2 == 0 ? second : first);
        }

        ada.Read.ShouldBe(Enumerable.Range(1, 6).Select(number => ("ada", (long)number)));
        foreach (string user in new[] { "ada", "bob" })
        {
            everybody.Read.Where(row => row.User == user).Select(row => row.Count).ShouldBe(Enumerable.Range(1, 6).Select(number => (long)number), user);
        }

        // What came while nobody was there is told to whoever resumes, at either silo.
        using var http = new HttpClient();
        IReadOnlyDictionary<string, double> metrics = MetricsTextTests.ShouldParse(await http.GetStringAsync(new Uri(first.Http, "/metrics"), Cancelled));
        metrics["orleansfeatures_subscriptions"].ShouldBeGreaterThanOrEqualTo(1);
        metrics["orleansfeatures_subscription_rows_total"].ShouldBeGreaterThanOrEqualTo(12);
        ada.Dispose();
        await second.PushAsync(Clicks.Row(7, 7));
        await ada.AtAsync(first);
        await ada.UntilAsync(read => read.Count >= 7, "the event that came in between");
        ada.Read[^1].ShouldBe(("ada", 7));
    }

    [Fact]
    public async Task A_place_that_this_store_has_not_come_to_is_refused()
    {
        await using ServingSilos silos = await ServingSilos.StartAsync(1);
        using AsyncServerStreamingCall<SubscribeResponse> call = silos["silo-0"].Features.Subscribe(
            new SubscribeRequest { What = Clicks.List("user_stats:n"), ResumeAfter = 1_000_000 }, cancellationToken: Cancelled);
        (await Should.ThrowAsync<RpcException>(() => call.ResponseStream.MoveNext(Cancelled))).StatusCode.ShouldBe(StatusCode.OutOfRange);
    }

    [Fact]
    public async Task Subscribers_miss_nothing_when_a_silo_is_killed()
    {
        await using ServingSilos silos = await ServingSilos.StartAsync(0);
        SiloClient stays = await silos.AddAsync("stays");
        SiloClient killed = await silos.AddProcessAsync("killed");
        using ChangeReader here = await new ChangeReader().AtAsync(stays);
        using ChangeReader moves = await new ChangeReader().AtAsync(killed);
        await killed.PushAsync(RowsOf(round: 1));
        await moves.UntilAsync(read => HasAll(read, 1), "everybody's first event, at the silo that will be killed");
        Task during = stays.PushAsync(RowsOf(round: 2));
        await silos.KillAsync(killed.Name);
        await during;
        await moves.AtAsync(stays);
        await stays.PushAsync(RowsOf(round: 3));
        await GoOnAsync(moves, stays, read => HasAll(read, 3), "everybody's third event, for whoever had to move");
        await GoOnAsync(here, stays, read => HasAll(read, 3), "everybody's third event, for whoever could stay");
        foreach (ChangeReader reader in new[] { here, moves })
        {
            foreach (IGrouping<string, (string User, long Count)> user in reader.Read.GroupBy(row => row.User))
            {
                user.Select(row => row.Count).ShouldBe(user.Select(row => row.Count).Order(), $"{user.Key} never goes back");
            }
        }
    }

    /// <summary>A row that cannot be read while its partition moves may end a subscription; it says so, and its place holds.</summary>
    private static async Task GoOnAsync(ChangeReader reader, SiloClient silo, Func<List<(string User, long Count)>, bool> isEnough, string what)
    {
        while (true)
        {
            try
            {
                await reader.UntilAsync(isEnough, what);
                return;
            }
            catch (RpcException ended) when (ended.StatusCode == StatusCode.Unavailable)
            {
                await reader.AtAsync(silo);
            }
        }
    }

    private static bool HasAll(List<(string User, long Count)> read, long count) => read.Where(row => row.Count == count).Select(row => row.User).Distinct().Count() == Users;

    private static EventRow[] RowsOf(int round) => [.. Enumerable.Range(0, Users).Select(user => Clicks.Row((round * 100) + user, round, $"user{user}"))];
}
