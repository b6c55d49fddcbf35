using Grpc.Core;
using OrleansFeatures.V1;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>Somebody who subscribes to amendments, at one silo and then perhaps at another, and goes on where he was.</summary>
internal sealed class AmendmentReader : IDisposable
{
    private AsyncServerStreamingCall<SubscribeAmendmentsResponse>? _call;
    private ulong _through;

    /// <summary>Everything read so far.</summary>
    public List<Amendment> Read { get; } = [];

    /// <summary>Goes on at a silo, behind the last message.</summary>
    public AmendmentReader At(SiloClient silo)
    {
        _call?.Dispose();
        _call = silo.Features.SubscribeAmendments(new SubscribeAmendmentsRequest { ResumeAfter = _through }, cancellationToken: Eventually.Token);
        return this;
    }

    /// <summary>Reads until everything read so far is enough.</summary>
    public async Task<List<Amendment>> UntilAsync(Func<List<Amendment>, bool> isEnough, string what)
    {
        await Eventually.Ends(ReadAsync(isEnough), $"{what} (so far {string.Join(' ', Read.Select(amendment => $"{amendment.Sequence}:{amendment.PredictionId}"))})");
        return Read;
    }

    public void Dispose() => _call?.Dispose();

    private async Task ReadAsync(Func<List<Amendment>, bool> isEnough)
    {
        while (!isEnough(Read))
        {
            (await _call!.ResponseStream.MoveNext(Eventually.Token)).ShouldBeTrue("the stream of amendments goes on");
            Read.AddRange(_call.ResponseStream.Current.Amendments);
            _through = _call.ResponseStream.Current.Through;
        }
    }
}
