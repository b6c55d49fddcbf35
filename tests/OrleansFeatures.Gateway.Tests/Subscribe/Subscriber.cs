using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Tests.Subscribe;

/// <summary>One row as a subscriber got it.</summary>
internal sealed record SentRow(string Key, long AsOf, long First);

/// <summary>An open subscription of a test: its messages one by one, or rows as they come.</summary>
internal sealed class Subscriber(AsyncServerStreamingCall<SubscribeResponse> call) : IDisposable
{
    /// <summary>The place that the last message taken has come to.</summary>
    public ulong Through { get; private set; }

    public static SubscribeRequest Ask(string feature, params KeyColumn[] keys)
    {
        var request = new SubscribeRequest { What = Clicks.List(feature) };
        request.Keys.AddRange(keys);
        return request;
    }

    /// <summary>Open, and past its first message: what is pushed from now on is sent.</summary>
    public static async Task<Subscriber> OpenAsync(FeatureService.FeatureServiceClient features, SubscribeRequest request)
    {
        var subscriber = new Subscriber(features.Subscribe(request, cancellationToken: RunningStore.Cancelled));
        await subscriber.NextAsync();
        return subscriber;
    }

    public async Task<SubscribeResponse> NextAsync()
    {
        (await call.ResponseStream.MoveNext(RunningStore.Cancelled)).ShouldBeTrue();
        Through = call.ResponseStream.Current.Through;
        return call.ResponseStream.Current;
    }

    /// <summary>The next message that has rows.</summary>
    public async Task<SubscribeResponse> RowsAsync()
    {
        SubscribeResponse message;
        do
        {
            message = await NextAsync();
        }
        while (message.Rows is null);
        return message;
    }

    /// <summary>All rows until the log's end, each with its first int64.</summary>
    public async Task<List<SentRow>> RowsThroughAsync(ulong place)
    {
        List<SentRow> rows = [];
        while (Through < place)
        {
            rows.AddRange(RowsOf(await NextAsync()));
        }

        return rows;
    }

    public static IEnumerable<SentRow> RowsOf(SubscribeResponse message)
    {
        int rows = (int)(message.Rows?.RowCount ?? 0);
        for (int row = 0; row < rows; row++)
        {
            yield return new SentRow(string.Join('/', message.Keys.Select(key => key.Strings.Count > 0 ? key.Strings[row] : $"{key.Int64S[row]}")), message.AsOfMicros[row], message.Rows!.Int64S[row * (message.Rows.Int64S.Count / rows)]);
        }
    }

    public async Task<RpcException> FailsAsync() => await Should.ThrowAsync<RpcException>(async () =>
    {
        while (await call.ResponseStream.MoveNext(RunningStore.Cancelled))
        {
        }
    });

    public void Dispose() => call.Dispose();
}
