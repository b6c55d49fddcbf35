using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;
using Shouldly;
using Xunit;

namespace OrleansFeatures.Gateway.Tests.Serve;

public sealed class TrainingTests
{
    [Fact]
    public async Task Rows_come_back_in_order_over_several_messages_with_columns_once()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        await store.Ingest.PushAsync(Clicks.Columns(0, 10_000), cancellationToken: RunningStore.Cancelled);
        using var call = store.Features.GetTrainingFeatures(cancellationToken: RunningStore.Cancelled);
        for (int message = 0; message < 5; message++)
        {
            var request = new TrainingRequest { What = message == 0 ? Clicks.List("user_stats:n") : null };
            request.Keys.Add(Clicks.Keys("user", [.. Enumerable.Repeat("ada", 2_000)]));
            request.AsOfMicros.AddRange(Enumerable.Range(0, 2_000).Select(row => Clicks.Midnight + (((message * 2_000) + row) * Clicks.Second)));
            await call.RequestStream.WriteAsync(request, RunningStore.Cancelled);
        }

        await call.RequestStream.CompleteAsync();
        List<TrainingResponse> responses = [];
        while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
            responses.Add(call.ResponseStream.Current);
        }

        responses[0].Columns.ShouldHaveSingleItem().Name.ShouldBe("user_stats:n");
        responses.Skip(1).ShouldAllBe(response => response.Columns.Count == 0);
        responses.ShouldAllBe(response => response.RowsTotal == 10_000);
        responses[^1].RowsDone.ShouldBe(10_000ul);
        responses.Count(response => response.Rows is not null).ShouldBe(3);
        responses.Where(response => response.Rows is not null).SelectMany(response => response.Rows.Int64S).ShouldBe(Enumerable.Range(1, 10_000).Select(n => (long)n));
    }

    [Fact]
    public async Task A_call_without_a_message_or_with_bad_rows_names_the_place()
    {
        await using RunningStore store = await RunningStore.StartAsync();
        (await AskAsync(store, null)).Status.Detail.ShouldStartWith("what: the call ended without a message");
        var request = new TrainingRequest { What = Clicks.List("user_stats:n"), Keys = { Clicks.Keys("user", "ada", "") } };
        (await AskAsync(store, request)).Status.Detail.ShouldStartWith("keys.user: row 1: a key of 0 bytes");
    }

    private static async Task<RpcException> AskAsync(RunningStore store, TrainingRequest? request)
    {
        using var call = store.Features.GetTrainingFeatures(cancellationToken: RunningStore.Cancelled);
        if (request is not null)
        {
            await call.RequestStream.WriteLastAsync(request);
        }

        await call.RequestStream.CompleteAsync();
        return await Should.ThrowAsync<RpcException>(async () => await call.ResponseStream.MoveNext(RunningStore.Cancelled));
    }
}
