using Grpc.Core;
using OrleansFeatures.Gateway.Tests.Serving;
using OrleansFeatures.V1;

namespace OrleansFeatures.Silo.Tests.Kit;

/// <summary>Somebody who subscribes to counts of users, at one silo and then perhaps at another, and goes on where he was.</summary>
internal sealed class ChangeReader(params string[] users) : IDisposable
{
    private AsyncServerStreamingCall<SubscribeResponse>? _call;
    private ulong? _through;

    /// <summary>Everything read so far: the user, and the count of its events.</summary>
    public List<(string User, long Count)> Read { get; } = [];

    /// <summary>Goes on at a silo, behind the last message; past its first message, so that what is pushed from now on is sent.</summary>
    public async Task<ChangeReader> AtAsync(SiloClient silo)
    {
        _call?.Dispose();
        var request = new SubscribeRequest { What = Clicks.List("user_stats:n") };
        if (users.Length > 0)
        {
            request.Keys.Add(Clicks.Keys("user", users));
        }

        if (_through is { } through)
        {
            request.ResumeAfter = through;
        }

        _call = silo.Features.Subscribe(request, cancellationToken: Eventually.Token);
        await NextAsync();
        return this;
    }

    /// <summary>Reads until everything read so far is enough. An end that says UNAVAILABLE is told by its exception.</summary>
    public async Task UntilAsync(Func<List<(string User, long Count)>, bool> isEnough, string what)
    {
        await Eventually.Ends(ReadAsync(isEnough), $"{what} (so far {string.Join(' ', Read)})");
    }

    public void Dispose() => _call?.Dispose();

    private async Task ReadAsync(Func<List<(string User, long Count)>, bool> isEnough)
    {
        while (!isEnough(Read))
        {
            await NextAsync();
        }
    }

    private async Task NextAsync()
    {
        (await _call!.ResponseStream.MoveNext(Eventually.Token)).ShouldBeTrue("the subscription goes on");
        SubscribeResponse message = _call.ResponseStream.Current;
        Read.AddRange(Enumerable.Range(0, (int)(message.Rows?.RowCount ?? 0)).Select(row => (message.Keys[0].Strings[row], message.Rows!.Int64S[row])));
        _through = message.Through;
    }
}
