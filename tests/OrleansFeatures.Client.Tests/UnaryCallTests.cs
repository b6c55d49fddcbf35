using Grpc.Core;
using OrleansFeatures.Client.Connections;
using OrleansFeatures.Client.Pushing;
using OrleansFeatures.Client.Vectors;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Tests;

/// <summary>What becomes of a call that fails: retries, hedges, other servers, and their bounds.</summary>
public sealed class UnaryCallTests
{
    private static readonly FeatureQuery Query = FeatureQuery.Service("s").Row(("id", 1));

    [Fact]
    public async Task A_refusal_with_a_hint_is_tried_again_and_the_hint_is_kept()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        var times = new List<long>();
        server.Features.Answer = (call, _, _) =>
        {
            times.Add(TimeProvider.System.GetTimestamp());
            return call < 3 ? throw FakeServer.Busy(retryAfterMs: 60) : Task.FromResult(FakeFeatures.Count(7));
        };
        using FeatureStoreClient client = Client(server);

        FeatureVectors answer = await client.GetAsync(Query, TestContext.Current.CancellationToken);

        answer[0].Int64("v:n").ShouldBe(7);
        server.Features.Calls.ShouldBe(3);
        TimeProvider.System.GetElapsedTime(times[0], times[1]).ShouldBeGreaterThanOrEqualTo(TimeSpan.FromMilliseconds(59));
    }

    [Fact]
    public async Task A_refusal_without_a_hint_is_not_tried_again()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        server.Features.Answer = (_, _, _) => throw new RpcException(new Status(StatusCode.ResourceExhausted, "the disk is full"));
        using FeatureStoreClient client = Client(server);

        RpcException refusal = await Should.ThrowAsync<RpcException>(() => client.GetAsync(Query, TestContext.Current.CancellationToken));

        refusal.Status.Detail.ShouldBe("the disk is full");
        server.Features.Calls.ShouldBe(1);
    }

    [Fact]
    public async Task A_wrong_question_is_not_asked_twice()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        server.Features.Answer = (_, _, _) => throw new RpcException(new Status(StatusCode.InvalidArgument, "keys: row 0"));
        using FeatureStoreClient client = Client(server);

        (await Should.ThrowAsync<RpcException>(() => client.GetAsync(Query, TestContext.Current.CancellationToken))).StatusCode.ShouldBe(StatusCode.InvalidArgument);
        server.Features.Calls.ShouldBe(1);
    }

    [Fact]
    public async Task A_push_is_repeated_with_the_very_same_events()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        var sent = new List<PushRequest>();
        server.Ingest.Answer = (call, request) =>
        {
            sent.Add(request);
            return call == 1 ? throw FakeServer.Busy(1) : new PushResponse { Duplicates = 1 };
        };
        using FeatureStoreClient client = Client(server);

        PushResponse response = await client.PushAsync(new EventRows("s", "id", "amount").Add(1, 2.5), TestContext.Current.CancellationToken);

        response.Duplicates.ShouldBe(1ul);
        sent.Count.ShouldBe(2);
        sent[1].ShouldBe(sent[0]);
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_passed_over()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        FakeServer gone = await FakeServer.StartAsync();
        await gone.DisposeAsync();
        using var client = new FeatureStoreClient(Options(server) with { Servers = [gone.Address, server.Address], Timeout = TimeSpan.FromSeconds(20) });

        for (int call = 0; call < 50; call++)
        {
            await client.GetAsync(Query, TestContext.Current.CancellationToken);
        }

        server.Features.Calls.ShouldBe(50, "every question was answered by the one server that is there");
    }

    [Fact]
    public async Task A_slow_read_is_asked_elsewhere_and_the_slow_one_is_called_off()
    {
        await using FakeServer slow = await FakeServer.StartAsync();
        await using FakeServer quick = await FakeServer.StartAsync();
        var calledOff = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        slow.Features.Answer = async (_, _, context) =>
        {
            using CancellationTokenRegistration _ = context.CancellationToken.Register(calledOff.SetResult);
            await calledOff.Task;
            return FakeFeatures.Count(1);
        };
        quick.Features.Answer = (_, _, _) => Task.FromResult(FakeFeatures.Count(2));
        using var client = new FeatureStoreClient(Options(slow) with { Servers = [slow.Address, quick.Address], HedgeAfter = TimeSpan.FromMilliseconds(5), Timeout = TimeSpan.FromSeconds(30) });

        for (int call = 0; slow.Features.Calls == 0; call++)
        {
            call.ShouldBeLessThan(1_000, "of two connections each is drawn first as often as the other");
            (await client.GetAsync(Query, TestContext.Current.CancellationToken))[0].Int64("v:n").ShouldBe(2);
        }

        await calledOff.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Hedges_stay_within_their_share_when_everything_is_slow()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Features.Answer = async (_, _, _) =>
        {
            await release.Task;
            return FakeFeatures.Count(1);
        };
        using var client = new FeatureStoreClient(Options(server) with { HedgeAfter = TimeSpan.FromMilliseconds(1), Timeout = TimeSpan.FromMinutes(1) });

        const int Asked = 60;
        Task<FeatureVectors>[] calls = [.. Enumerable.Range(0, Asked).Select(_ => client.GetAsync(Query, TestContext.Current.CancellationToken))];
        await Until(() => server.Features.Calls >= Asked + Limits.BudgetMax, "the budget of a quiet client is spent");
        release.SetResult();
        await Task.WhenAll(calls);

        server.Features.Calls.ShouldBeLessThanOrEqualTo(Asked + Limits.BudgetMax + (int)(Asked * Limits.HedgeShare));
    }

    [Fact]
    public async Task The_deadline_ends_everything_and_reaches_the_server()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        DateTime deadline = default;
        server.Features.Answer = async (_, _, context) =>
        {
            deadline = context.Deadline;
            await new TaskCompletionSource().Task.WaitAsync(context.CancellationToken);
            return FakeFeatures.Count(1);
        };
        using var client = new FeatureStoreClient(Options(server) with { Timeout = TimeSpan.FromMilliseconds(100) });

        (await Should.ThrowAsync<RpcException>(() => client.GetAsync(Query, TestContext.Current.CancellationToken))).StatusCode.ShouldBe(StatusCode.DeadlineExceeded);
        deadline.ShouldBeLessThan(DateTime.UtcNow.AddSeconds(1));
    }

    [Fact]
    public async Task The_clients_name_goes_with_every_call()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        using var client = new FeatureStoreClient(Options(server) with { ClientName = "checkout" });
        await client.GetAsync(Query, TestContext.Current.CancellationToken);
        server.Features.Headers!.GetValue("orleansfeatures-client").ShouldBe("checkout");
    }

    [Fact]
    public void A_budget_gives_a_share_of_all_calls_and_what_was_saved_up()
    {
        var budget = new Budget(share: 0.1);
        Enumerable.Range(0, 100).Count(_ => budget.TrySpend()).ShouldBe(Limits.BudgetMax);
        for (int call = 0; call < 50; call++)
        {
            budget.Earn();
        }

        Enumerable.Range(0, 100).Count(_ => budget.TrySpend()).ShouldBe(5);
    }

    [Theory]
    [InlineData(0, 1_000, 3)]
    [InlineData(65, 1_000, 3)]
    [InlineData(2, 0, 3)]
    [InlineData(2, 1_000, 11)]
    public void Options_out_of_range_are_refused_by_name(int connections, int timeoutMs, int retries) =>
        Should.Throw<ArgumentException>(() => new FeatureStoreClient(new FeatureStoreClientOptions
        {
            Servers = [new Uri("http://127.0.0.1:1")],
            ConnectionsPerServer = connections,
            Timeout = TimeSpan.FromMilliseconds(timeoutMs),
            Retries = retries,
        })).Message.ShouldContain("is not");

    private static FeatureStoreClient Client(FakeServer server) => new(Options(server));

    private static FeatureStoreClientOptions Options(FakeServer server) => new()
    {
        Servers = [server.Address],
        Timeout = TimeSpan.FromSeconds(30),
        HedgeAfter = Timeout.InfiniteTimeSpan,
    };

    private static async Task Until(Func<bool> condition, string reason)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            patience.IsCancellationRequested.ShouldBeFalse(reason);
            await Task.Yield();
        }
    }
}
