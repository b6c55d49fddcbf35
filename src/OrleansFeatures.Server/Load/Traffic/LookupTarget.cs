using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>Reads features: requests that were made before the run, in turn, so that a request costs the pacing thread no more than its call.</summary>
internal sealed class LookupTarget(StoreConnections store, IReadOnlyList<GetFeaturesRequest> requests) : ILoadTarget
{
    private uint _turn;

    public async Task<LoadOutcome> SendAsync(CancellationToken abandoned)
    {
        GetFeaturesRequest request = requests[(int)(Interlocked.Increment(ref _turn) % (uint)requests.Count)];
        try
        {
            using AsyncUnaryCall<GetFeaturesResponse> call = store.Next().Features.GetFeaturesAsync(request, store.Call(abandoned));
            await call.ResponseAsync.ConfigureAwait(false);
            return LoadOutcome.Answered;
        }
        catch (RpcException exception)
        {
            return CallOutcome.Of(exception);
        }
    }
}
