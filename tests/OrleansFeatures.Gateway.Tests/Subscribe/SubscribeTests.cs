using OrleansFeatures.Gateway.Tests.Admin;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Tests.Subscribe;

public sealed class SubscribeTests
{
    [Fact]
    public async Task A_change_sends_the_whole_vector_as_of_the_entitys_newest_event()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, Clicks.Row(1, 10));
        using var subscriber = new Subscriber(store.Features.Subscribe(Subscriber.Ask("user_stats:*", Clicks.Keys("user", "ada")), cancellationToken: RunningStore.Cancelled));
        SubscribeResponse head = await subscriber.NextAsync();
        (head.Rows, head.Through).ShouldBe((null, 3ul), "one event of three entities was in the log");
        await PushAsync(store, Clicks.Row(2, 20));
        SubscribeResponse message = await subscriber.RowsAsync();

        var asked = new GetFeaturesRequest { What = Clicks.List("user_stats:*"), Keys = { Clicks.Keys("user", "ada") }, AsOfMicros = { Clicks.Midnight + (20 * Clicks.Second) } };
        GetFeaturesResponse answer = await store.Features.GetFeaturesAsync(asked, cancellationToken: RunningStore.Cancelled);
        message.Rows.ShouldBe(answer.Rows);
        head.Columns.ShouldBe(answer.Columns);
        message.Columns.ShouldBeEmpty();
        message.States.ShouldHaveSingleItem().StateVersion.ShouldBe(answer.States[0].StateVersion);
        message.AsOfMicros.ShouldBe([Clicks.Midnight + (20 * Clicks.Second)]);
        message.Keys.ShouldHaveSingleItem().Strings.ShouldBe(["ada"]);
        message.Through.ShouldBe(6ul);
    }

    [Fact]
    public async Task Listed_rows_are_sent_and_others_are_not_and_several_changes_at_once_are_one_row()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        var request = new SubscribeRequest { What = Clicks.List("user_stats:n", "shop_stats:n"), Keys = { Clicks.Keys("user", "ada", "bob", "cleo"), Clicks.Keys("shop", 1, 2, 1) } };
        using Subscriber subscriber = await Subscriber.OpenAsync(store.Features, request);
        await PushAsync(store, Clicks.Row(1, 1, "dora", shop: 3), Clicks.Row(2, 2, "bob", shop: 4), Clicks.Row(3, 3, "bob", shop: 4), Clicks.Row(4, 4, "eve", shop: 1));
        SubscribeResponse message = await subscriber.RowsAsync();
        Subscriber.RowsOf(message).ShouldBe(
        [
            new SentRow("bob/2", Clicks.Midnight + (3 * Clicks.Second), 2),
            new SentRow("ada/1", Clicks.Midnight + (4 * Clicks.Second), 0),
            new SentRow("cleo/1", Clicks.Midnight + (4 * Clicks.Second), 0),
        ]);
        message.States.Select(state => state.Entity).ShouldBe(["user", "shop", "user", "shop", "user", "shop"]);
    }

    [Fact]
    public async Task A_late_event_does_not_take_the_vector_back()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, Clicks.Row(1, 1_000));
        using Subscriber every = await Subscriber.OpenAsync(store.Features, Subscriber.Ask("user_stats:n"));
        using Subscriber listed = await Subscriber.OpenAsync(store.Features, Subscriber.Ask("user_stats:n", Clicks.Keys("user", "ada")));
        await PushAsync(store, Clicks.Row(2, 500));
        foreach (Subscriber subscriber in new[] { every, listed })
        {
            Subscriber.RowsOf(await subscriber.RowsAsync()).ShouldBe([new SentRow("ada", Clicks.Midnight + (1_000 * Clicks.Second), 2)]);
        }
    }

    [Fact]
    public async Task A_filter_lets_through_only_rows_for_which_it_is_true()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        SubscribeRequest request = Subscriber.Ask("user_stats:*");
        request.Filter = "user_stats.n >= 2 && user_stats.total > 10.0";
        using Subscriber subscriber = await Subscriber.OpenAsync(store.Features, request);
        await PushAsync(store, Clicks.Row(1, 1, "ada", amount: 20), Clicks.Row(2, 2, "bob", amount: 1), Clicks.Row(3, 3, "bob", amount: 2), Clicks.Row(4, 4, "cleo", amount: 7), Clicks.Row(5, 5, "cleo", amount: 8));
        Subscriber.RowsOf(await subscriber.RowsAsync()).ShouldBe([new SentRow("cleo", Clicks.Midnight + (5 * Clicks.Second), 2)]);
    }

    [Fact]
    public async Task A_snapshot_comes_first_with_every_listed_row_and_what_changes_follows()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, Clicks.Row(1, 10), Clicks.Row(2, 20));
        SubscribeRequest request = Subscriber.Ask("user_stats:n", Clicks.Keys("user", "ada", "nobody"));
        request.Snapshot = true;
        using Subscriber subscriber = await Subscriber.OpenAsync(store.Features, request);
        Subscriber.RowsOf(await subscriber.RowsAsync()).ShouldBe([new SentRow("ada", Clicks.Midnight + (20 * Clicks.Second), 2), new SentRow("nobody", 0, 0)]);
        await PushAsync(store, Clicks.Row(3, 30, "nobody"));
        Subscriber.RowsOf(await subscriber.RowsAsync()).ShouldBe([new SentRow("nobody", Clicks.Midnight + (30 * Clicks.Second), 1)]);
    }

    [Fact]
    public async Task A_quiet_subscription_hears_its_place_every_second_also_when_only_others_change()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        using Subscriber subscriber = await Subscriber.OpenAsync(store.Features, Subscriber.Ask("user_stats:n", Clicks.Keys("user", "ada")));
        await PushAsync(store, Clicks.Row(1, 1, "bob"));
        while (subscriber.Through < 3)
        {
            (await subscriber.NextAsync()).Rows.ShouldBeNull();
        }

        (await subscriber.NextAsync()).Through.ShouldBe(3ul);
    }

    [Fact]
    public async Task A_compact_subscription_says_values_and_keys_only()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        SubscribeRequest request = Subscriber.Ask("user_stats:n");
        request.Compact = true;
        using var subscriber = new Subscriber(store.Features.Subscribe(request, cancellationToken: RunningStore.Cancelled));
        (await subscriber.NextAsync()).Columns.ShouldBeEmpty();
        await PushAsync(store, Clicks.Row(1, 1));
        SubscribeResponse message = await subscriber.RowsAsync();
        (message.States.Count, message.Keys.Count, message.Rows.Int64S[0]).ShouldBe((0, 1, 1L));
    }

    [Fact]
    public async Task A_damaged_entity_is_invalid_and_its_neighbours_are_sent()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await PushAsync(store, [.. Enumerable.Range(0, 20).Select(id => Clicks.Row(id, id, id % 2 == 0 ? "ada" : "bob"))]);
        await store.Admin.CheckpointAsync(new CheckpointRequest(), cancellationToken: RunningStore.Cancelled);
        await store.RestartAsync(whileClosed: () => SavedStateTests.FlipIn(Path.Combine(store.DataDirectory, "state"), SavedStateTests.KeyOf("ada")));
        SubscribeRequest request = Subscriber.Ask("user_stats:n");
        request.ResumeAfter = 0;
        using Subscriber subscriber = await Subscriber.OpenAsync(store.Features, request);
        SubscribeResponse message = await subscriber.RowsAsync();
        message.Keys[0].Strings.ShouldBe(["ada", "bob"]);
        message.Rows.Statuses.ToByteArray().ShouldBe([(byte)FeatureStatus.Invalid, (byte)FeatureStatus.Present]);
        message.Rows.Int64S.ShouldBe([0, 10]);
    }

    /// <summary>Whoever was away asks with the place of the last message, whatever it was, and gets every entity that has changed since with its newest vector.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Nothing_is_missed_over_disconnects_and_restarts(int seed)
    {
        var random = new Random(seed);
        await using RunningStore store = await RunningStore.StartAsync();
        var newest = new Dictionary<string, SentRow>();
        var expected = new Dictionary<string, SentRow>();
        SubscribeRequest request = Subscriber.Ask("user_stats:n");
        request.ResumeAfter = 0;
        ulong pushed = 0;
        for (int round = 0; round < 12; round++)
        {
            Task pushing = PushSomeAsync(store, random, expected, ref pushed);
            using (Subscriber subscriber = await Subscriber.OpenAsync(store.Features, request))
            {
                ulong enough = request.ResumeAfter + (ulong)random.Next(60);
                while (subscriber.Through < Math.Min(enough, pushed))
                {
                    foreach (SentRow row in Subscriber.RowsOf(await subscriber.NextAsync()))
                    {
                        newest[row.Key] = row;
                    }
                }

                request.ResumeAfter = subscriber.Through;
            }

            await pushing;
            if (round % 5 == 4)
            {
                await store.RestartAsync();
            }
        }

        using Subscriber last = await Subscriber.OpenAsync(store.Features, request);
        foreach (SentRow row in await last.RowsThroughAsync(pushed))
        {
            newest[row.Key] = row;
        }

        newest.ShouldBe(expected, ignoreOrder: true, $"seed {seed}");
    }

    /// <summary>Each event is of three entities, so three records.</summary>
    private static Task PushSomeAsync(RunningStore store, Random random, Dictionary<string, SentRow> expected, ref ulong pushed)
    {
        var events = new List<EventRow>();
        for (int count = random.Next(1, 40); count > 0; count--)
        {
            (string user, long seconds) = ($"user {random.Next(5)}", random.Next(1_000));
            events.Add(Clicks.Row((long)pushed, seconds, user));
            pushed += 3;
            SentRow before = expected.GetValueOrDefault(user, new SentRow(user, 0, 0));
            expected[user] = before with { AsOf = Math.Max(before.AsOf, Clicks.Midnight + (seconds * Clicks.Second)), First = before.First + 1 };
        }

        return PushAsync(store, [.. events]);
    }

    private static async Task PushAsync(RunningStore store, params EventRow[] rows) =>
        (await store.Ingest.PushAsync(Clicks.Rows(rows), cancellationToken: RunningStore.Cancelled)).Accepted.ShouldBe((ulong)rows.Length);
}
