using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using OrleansFeatures.Gateway.Subscribe;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.Log;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Tests.Subscribe;

/// <summary>How subscriptions end, or do not begin.</summary>
public sealed class SubscriptionEndTests
{
    public static TheoryData<string, Action<SubscribeRequest>, StatusCode, string> Refusals => new()
    {
        { "nothing selected", request => request.What = null, StatusCode.InvalidArgument, "what: nothing is selected" },
        { "unknown feature", request => request.What = Clicks.List("user_stats:m"), StatusCode.NotFound, "what.features: there is no feature 'user_stats:m'" },
        { "every row of several types", request => request.What = Clicks.List("user_stats:n", "shop_stats:n"), StatusCode.InvalidArgument, "keys: explicit list reads user, shop, and which of them belong together is not known; list the rows to follow" },
        { "no row", request => request.Keys.Add(new KeyColumn { Field = "user" }), StatusCode.InvalidArgument, "keys: 0 rows in one subscription" },
        { "unknown key", request => request.Keys.Add(Clicks.Keys("usr", "ada")), StatusCode.InvalidArgument, "keys.usr: 'usr' is not a key field" },
        { "snapshot of everything", request => request.Snapshot = true, StatusCode.InvalidArgument, "snapshot: every entity is followed" },
        { "unknown name in the filter", request => request.Filter = "user_stats.m > 1", StatusCode.InvalidArgument, "filter: at column 1 of 'user_stats.m > 1': unknown field 'user_stats.m'" },
        { "a list in the filter", Listed, StatusCode.InvalidArgument, "user_stats.notes is a list or a map: a condition is over single values" },
        { "no condition", request => request.Filter = "user_stats.n + 1", StatusCode.InvalidArgument, "filter: 'user_stats.n + 1' gives int64 and not a bool; compare it" },
        { "context that nothing takes", request => request.Context.Add(new ContextColumn { Field = "amount", Values = new Column { Doubles = { 1 } } }), StatusCode.InvalidArgument, "context.amount" },
        { "a place ahead of the log", request => request.ResumeAfter = 1_000, StatusCode.OutOfRange, "resume_after: the log has come to 0 and not to 1000; hand back a `through` of this store" },
        { "no place at all", request => request.ResumeAfter = ulong.MaxValue, StatusCode.OutOfRange, "resume_after: the log has come to 0" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task What_cannot_be_followed_is_refused_with_place_and_fix(string what, Action<SubscribeRequest> change, StatusCode code, string message)
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        SubscribeRequest request = Subscriber.Ask("user_stats:n");
        change(request);
        using var subscriber = new Subscriber(FeaturesOf(store).Subscribe(request, cancellationToken: RunningStore.Cancelled));
        RpcException refused = await subscriber.FailsAsync();
        refused.StatusCode.ShouldBe(code, what);
        refused.Status.Detail.ShouldContain(message, customMessage: what);
    }

    [Fact]
    public async Task A_place_that_the_log_has_dropped_is_out_of_range()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        store.Host.FollowFailure = new LogTruncatedException(new LogSequence(0), new LogSequence(5_000));
        SubscribeRequest request = Subscriber.Ask("user_stats:n");
        request.ResumeAfter = 0;
        using var subscriber = new Subscriber(FeaturesOf(store).Subscribe(request, cancellationToken: RunningStore.Cancelled));
        RpcException refused = await subscriber.FailsAsync();
        refused.StatusCode.ShouldBe(StatusCode.OutOfRange);
        refused.Status.Detail.ShouldStartWith("resume_after: the log no longer reaches back to 0: it begins at 5000; subscribe without it, with a snapshot");
    }

    [Fact]
    public async Task A_stopping_server_ends_subscriptions_with_unavailable()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        using Subscriber subscriber = await Subscriber.OpenAsync(FeaturesOf(store), Subscriber.Ask("user_stats:n"));
        store.BeginStop();
        (await subscriber.FailsAsync()).StatusCode.ShouldBe(StatusCode.Unavailable);
    }

    [Fact]
    public async Task A_change_of_definitions_ends_a_subscription_that_reads_afterwards_and_it_resumes()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var ingest = new IngestService.IngestServiceClient(store.Channel);
        using Subscriber subscriber = await Subscriber.OpenAsync(FeaturesOf(store), Subscriber.Ask("user_stats:n"));
        string other = Definitions.Everything.Replace("      - {name: total,", "      - {name: n_1m, aggregate: count, window: 1m}\n      - {name: total,", StringComparison.Ordinal);
        var apply = new ApplyRequest { Files = { new DefinitionFile { Name = "everything.yaml", Content = other } } };
        await new RegistryService.RegistryServiceClient(store.Channel).ApplyAsync(apply, cancellationToken: RunningStore.Cancelled);
        await ingest.PushAsync(Clicks.Rows(Clicks.Row(1, 1)), cancellationToken: RunningStore.Cancelled);
        (await subscriber.FailsAsync()).StatusCode.ShouldBe(StatusCode.Unavailable);

        SubscribeRequest again = Subscriber.Ask("user_stats:n");
        again.ResumeAfter = subscriber.Through;
        using Subscriber resumed = await Subscriber.OpenAsync(FeaturesOf(store), again);
        Subscriber.RowsOf(await resumed.RowsAsync()).ShouldBe([new SentRow("ada", Clicks.Midnight + Clicks.Second, 1)]);
    }

    [Fact]
    public async Task More_than_the_limit_are_refused_and_closed_ones_make_room()
    {
        await using TroubledStore store = await TroubledStore.StartAsync();
        var open = new List<Subscriber>();
        while (open.Count < Limits.SubscriptionsMax)
        {
            open.Add(await Subscriber.OpenAsync(FeaturesOf(store), Subscriber.Ask("user_stats:n")));
        }

        using var refused = new Subscriber(FeaturesOf(store).Subscribe(Subscriber.Ask("user_stats:n"), cancellationToken: RunningStore.Cancelled));
        (await refused.FailsAsync()).StatusCode.ShouldBe(StatusCode.ResourceExhausted);
        open.ForEach(subscriber => subscriber.Dispose());
        var subscriptions = store.Services.GetRequiredService<Subscriptions>();
        while (subscriptions.Count > 0)
        {
            await Task.Yield();
        }

        using Subscriber again = await Subscriber.OpenAsync(FeaturesOf(store), Subscriber.Ask("user_stats:n"));
        subscriptions.Count.ShouldBe(1);
    }

    /// <summary>Its messages fill the window of its stream and no more; pushes do not wait for it, and when it reads it gets what it lacks.</summary>
    [Fact]
    public async Task A_subscriber_that_does_not_read_holds_nobody_up_and_catches_up_later()
    {
        const int Users = 20_000;
        await using TroubledStore store = await TroubledStore.StartAsync();
        var ingest = new IngestService.IngestServiceClient(store.Channel);
        using var slow = store.Connect();
        using Subscriber subscriber = await Subscriber.OpenAsync(new FeatureService.FeatureServiceClient(slow), Subscriber.Ask("user_stats:*"));
        for (int first = 0; first < Users; first += 1_000)
        {
            EventRow[] rows = [.. Enumerable.Range(first, 1_000).Select(id => Clicks.Row(id, id % 1_000, $"user {id}"))];
            (await ingest.PushAsync(Clicks.Rows(rows), cancellationToken: RunningStore.Cancelled)).Accepted.ShouldBe(1_000ul);
        }

        List<SentRow> rowsSent = await subscriber.RowsThroughAsync(3 * Users);
        rowsSent.Select(row => row.Key).Distinct().Count().ShouldBe(Users);
        rowsSent.ShouldAllBe(row => row.First == 1);
    }

    private static void Listed(SubscribeRequest request)
    {
        request.What = Clicks.List("user_stats:*");
        request.Filter = "user_stats.notes == \"a\"";
    }

    private static FeatureService.FeatureServiceClient FeaturesOf(TroubledStore store) => new(store.Channel);
}
