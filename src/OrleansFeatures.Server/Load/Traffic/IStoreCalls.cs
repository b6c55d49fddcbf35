using OrleansFeatures.V1;

namespace OrleansFeatures.Server.Load.Traffic;

/// <summary>
/// The requests that load is made of, over one transport. None of them throws: a failure of the store, or of the way to it, is an outcome. All end within the timeout that the calls were made with,
/// and soon after <c>abandoned</c> fires. Safe for concurrent use.
/// </summary>
internal interface IStoreCalls : IDisposable
{
    /// <summary>For reports: gRPC, REST.</summary>
    string Transport { get; }

    /// <summary>How many connections have been opened, or will be.</summary>
    int Connections { get; }

    /// <summary>A lookup, made ready before the run: to send it, any number of times and at once, costs no more than the call.</summary>
    Func<CancellationToken, Task<LoadOutcome>> Ready(GetFeaturesRequest lookup);

    /// <summary>An event that was not accepted is a failure.</summary>
    Task<LoadOutcome> ObserveAsync(ObserveAndGetRequest request, CancellationToken abandoned);

    /// <summary>The store's answer, where the outcome is OK; what became of the events stands in it.</summary>
    Task<(LoadOutcome Outcome, PushResponse? Answer)> PushAsync(PushRequest batch, CancellationToken abandoned);
}
