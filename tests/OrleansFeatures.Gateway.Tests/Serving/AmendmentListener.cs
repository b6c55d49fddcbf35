using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Gateway.Tests.Serving;

/// <summary>A subscriber of amendments, who takes as many as a test expects.</summary>
internal sealed class AmendmentListener(FeatureService.FeatureServiceClient features, SubscribeAmendmentsRequest? request = null) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _patience = new(Patience);
    private readonly List<Amendment> _taken = [];
    private AsyncServerStreamingCall<SubscribeAmendmentsResponse>? _call;

    public async Task<SubscribeAmendmentsResponse> NextAsync()
    {
        _call ??= features.SubscribeAmendments(request ?? new SubscribeAmendmentsRequest(), cancellationToken: _patience.Token);
        return await _call.ResponseStream.MoveNext(_patience.Token) ? _call.ResponseStream.Current : throw new InvalidOperationException("the stream of amendments has ended");
    }

    /// <summary>The next so many; more than that may have come by then, and are left for the next time.</summary>
    public async Task<List<Amendment>> TakeAsync(int count)
    {
        while (_taken.Count < count)
        {
            _taken.AddRange((await NextAsync()).Amendments);
        }

        List<Amendment> next = _taken[..count];
        _taken.RemoveRange(0, count);
        return next;
    }

    public ValueTask DisposeAsync()
    {
        _call?.Dispose();
        _patience.Dispose();
        return ValueTask.CompletedTask;
    }
}
