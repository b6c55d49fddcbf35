using Grpc.Core;
using OrleansFeatures.Client.Pushing;
using OrleansFeatures.Client.Watching;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client.Tests;

/// <summary>Streams that outlive their connections.</summary>
public sealed class StreamTests
{
    private const int Batches = 300;

    [Fact]
    public async Task Every_batch_is_acknowledged_once_whatever_becomes_of_connections()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        server.Ingest.Answer = (number, request) => number is 7 or 50 or 51
            ? throw new RpcException(new Status(StatusCode.Unavailable, "going down"))
            : new PushResponse { Sequence = request.Sequence, Accepted = 1, Token = new ConsistencyToken { Partitions = { 3 }, Offsets = { request.Sequence } } };
        using FeatureStoreClient client = Client(server, TimeSpan.FromSeconds(30));

        PushResponse[] answers;
        await using (EventStream stream = client.OpenEventStream(TestContext.Current.CancellationToken))
        {
            answers = await Task.WhenAll(Enumerable.Range(0, Batches).Select(_ => stream.PushAsync(Batch(), TestContext.Current.CancellationToken)));
        }

        answers.Select(answer => answer.Sequence).ShouldBe(Enumerable.Range(1, Batches).Select(number => (ulong)number), ignoreOrder: true);
        server.Ingest.Received.Distinct().Order().ShouldBe(Enumerable.Range(1, Batches).Select(number => (ulong)number));
        server.Ingest.Received.Length.ShouldBeLessThanOrEqualTo(Batches + (3 * 32), "only what was unacknowledged is sent again");
        client.Token!.Offsets.ShouldBe([(ulong)Batches]);
    }

    [Fact]
    public async Task A_refused_stream_fails_every_batch_that_waits_and_those_that_come()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        server.Ingest.Answer = (_, _) => throw new RpcException(new Status(StatusCode.InvalidArgument, "stream: there is no stream 's'"));
        using FeatureStoreClient client = Client(server, TimeSpan.FromSeconds(30));
        await using EventStream stream = client.OpenEventStream(TestContext.Current.CancellationToken);

        Task<PushResponse>[] pushes = [.. Enumerable.Range(0, 5).Select(_ => stream.PushAsync(Batch(), TestContext.Current.CancellationToken))];
        foreach (Task<PushResponse> push in pushes)
        {
            (await Should.ThrowAsync<RpcException>(() => push)).StatusCode.ShouldBe(StatusCode.InvalidArgument);
        }

        (await Should.ThrowAsync<RpcException>(() => stream.PushAsync(Batch(), TestContext.Current.CancellationToken))).Status.Detail.ShouldContain("no stream 's'");
    }

    [Fact]
    public async Task A_server_that_does_not_come_back_in_time_fails_the_batch()
    {
        FakeServer server = await FakeServer.StartAsync();
        using FeatureStoreClient client = Client(server, TimeSpan.FromMilliseconds(300));
        await using EventStream stream = client.OpenEventStream(TestContext.Current.CancellationToken);
        await stream.PushAsync(Batch(), TestContext.Current.CancellationToken);
        await server.DisposeAsync();

        (await Should.ThrowAsync<RpcException>(() => stream.PushAsync(Batch(), TestContext.Current.CancellationToken))).StatusCode.ShouldBe(StatusCode.Unavailable);
    }

    [Fact]
    public async Task An_abandoned_stream_ends_at_once_and_says_so_to_every_batch()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        using var release = new ManualResetEventSlim();
        server.Ingest.Answer = (_, request) =>
        {
            release.Wait(TestContext.Current.CancellationToken);
            return new PushResponse { Sequence = request.Sequence };
        };
        using FeatureStoreClient client = Client(server, TimeSpan.FromSeconds(30));
        using var abandon = new CancellationTokenSource();
        await using EventStream stream = client.OpenEventStream(abandon.Token);

        Task<PushResponse> acknowledged = await stream.SendAsync(Batch(), TestContext.Current.CancellationToken);
        await abandon.CancelAsync();

        await Should.ThrowAsync<OperationCanceledException>(() => acknowledged);
        release.Set();
    }

    [Fact]
    public async Task A_subscription_goes_on_behind_the_last_message_that_was_given_out()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        var asked = new List<SubscribeRequest>();
        server.Features.Changes = async (call, request, stream) =>
        {
            asked.Add(request);
            ulong from = request.HasResumeAfter ? request.ResumeAfter : 0;
            for (ulong through = from + 1; through <= from + 3; through++)
            {
                var response = new SubscribeResponse { Through = through, Rows = new FeatureRows { RowCount = 1, Int64S = { (long)through } }, AsOfMicros = { 0 } };
                if (through == from + 1)
                {
                    response.Columns.Add(new FeatureColumn { Name = "v:n", Type = FieldType.Int64, Lane = Lane.Int64 });
                }

                await stream.WriteAsync(response);
            }

            if (call % 2 == 0)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "leaving"));
            }
        };
        using FeatureStoreClient client = Client(server, TimeSpan.FromSeconds(30));
        var seen = new List<long?>();

        await foreach (FeatureChanges changes in client.SubscribeAsync(new SubscribeRequest { Snapshot = true }, TestContext.Current.CancellationToken))
        {
            seen.Add(changes.Vectors[0].Int64("v:n"));
            if (seen.Count == 12)
            {
                break;
            }
        }

        seen.ShouldBe(Enumerable.Range(1, 12).Select(number => (long?)number));
        asked[0].Snapshot.ShouldBeTrue();
        asked.Skip(1).ShouldAllBe(request => request.HasResumeAfter && !request.Snapshot);
    }

    private static PushRequest Batch() => new EventRows("s", "id").Add(1).Request;

    private static FeatureStoreClient Client(FakeServer server, TimeSpan reconnectFor) => new(new FeatureStoreClientOptions
    {
        Servers = [server.Address],
        ReconnectFor = reconnectFor,
        RetryPause = TimeSpan.FromMilliseconds(5),
    });
}
