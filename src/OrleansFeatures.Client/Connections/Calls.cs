using Grpc.Core;
using OrleansFeatures.V1;
using Polly;
using Polly.Hedging;
using Polly.Retry;

namespace OrleansFeatures.Client.Connections;

/// <summary>
/// Unary calls with everything that may be done about their failures:
/// <code>
///   deadline ( retry, with the server's own hint ( hedge: reads only ( one connection of the pool ) ) )
/// </code>
/// Retries and hedges have budgets, so that a client never makes a bad hour of the server worse by more than a tenth. Any thread.
/// </summary>
internal sealed class Calls
{
    private readonly FeatureStoreClientOptions _options;
    private readonly ConnectionPool _pool;
    private readonly Budget _retries = new(Limits.RetryShare);
    private readonly Budget _hedges = new(Limits.HedgeShare);
    private readonly Metadata? _headers;
    private readonly ResiliencePipeline<GetFeaturesResponse> _reads;
    private readonly ResiliencePipeline _writes;

    public Calls(FeatureStoreClientOptions options, ConnectionPool pool)
    {
        (_options, _pool) = (options, pool);
        _headers = HeadersOf(options);
        var reads = new ResiliencePipelineBuilder<GetFeaturesResponse> { TimeProvider = options.Time };
        var writes = new ResiliencePipelineBuilder { TimeProvider = options.Time };
        if (options.Retries > 0)
        {
            reads.AddRetry(new RetryStrategyOptions<GetFeaturesResponse>
            {
                MaxRetryAttempts = options.Retries,
                ShouldHandle = attempt => ValueTask.FromResult(MayRetry(attempt.Outcome.Exception)),
                DelayGenerator = attempt => ValueTask.FromResult<TimeSpan?>(PauseBefore(attempt.AttemptNumber, attempt.Outcome.Exception)),
            });
            writes.AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = options.Retries,
                ShouldHandle = attempt => ValueTask.FromResult(MayRetry(attempt.Outcome.Exception)),
                DelayGenerator = attempt => ValueTask.FromResult<TimeSpan?>(PauseBefore(attempt.AttemptNumber, attempt.Outcome.Exception)),
            });
        }

        if (options.HedgeAfter != System.Threading.Timeout.InfiniteTimeSpan)
        {
            reads.AddHedging(new HedgingStrategyOptions<GetFeaturesResponse>
            {
                MaxHedgedAttempts = 1,
                Delay = options.HedgeAfter,
                ShouldHandle = attempt => ValueTask.FromResult(Refusals.IsForNow(attempt.Outcome.Exception)),
                ActionGenerator = hedge => _hedges.TrySpend() ? () => hedge.Callback(hedge.ActionContext) : null,
            });
        }

        _reads = reads.Build();
        _writes = writes.Build();
    }

    /// <summary>Reads: retried and hedged.</summary>
    /// <exception cref="RpcException">The last refusal.</exception>
    public async Task<GetFeaturesResponse> ReadAsync(GetFeaturesRequest request, CancellationToken cancellationToken)
    {
        _retries.Earn();
        _hedges.Earn();
        var read = new Read(this, request, Deadline());
        return await _reads.ExecuteAsync(static async (read, cancellation) => await read.TryAsync(cancellation).ConfigureAwait(false), read, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Calls that append: retried only, which their events' ids make safe.</summary>
    /// <exception cref="RpcException">The last refusal.</exception>
    public async Task<T> WriteAsync<T>(Func<Connection, CallOptions, AsyncUnaryCall<T>> call, CancellationToken cancellationToken)
    {
        _retries.Earn();
        DateTime deadline = Deadline();
        return await _writes.ExecuteAsync(async cancellation => await TryAsync(_pool.Take(), call, deadline, cancellation).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Of a stream, which has no deadline.</summary>
    public CallOptions StreamOptions(CancellationToken cancellationToken) => new(_headers, cancellationToken: cancellationToken);

    private async Task<T> TryAsync<T>(Connection connection, Func<Connection, CallOptions, AsyncUnaryCall<T>> call, DateTime deadline, CancellationToken cancellationToken)
    {
        bool isLost = false;
        try
        {
            using AsyncUnaryCall<T> underWay = call(connection, new CallOptions(_headers, deadline, cancellationToken));
            return await underWay.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException refusal) when (!cancellationToken.IsCancellationRequested)
        {
            isLost = Refusals.IsLost(refusal);
            throw;
        }
        finally
        {
            _pool.Return(connection, isLost);
        }
    }

    private DateTime Deadline() => (_options.Time.GetUtcNow() + _options.Timeout).UtcDateTime;

    private bool MayRetry(Exception? failure) => Refusals.IsForNow(failure) && _retries.TrySpend();

    private TimeSpan PauseBefore(int attempt, Exception? failure)
    {
        TimeSpan doubled = _options.RetryPause * Math.Pow(2, attempt);
        TimeSpan pause = failure is RpcException refusal && Refusals.RetryAfterOf(refusal) is { } hint && hint > doubled ? hint : doubled;
        pause = pause < Limits.RetryPauseMax ? pause : Limits.RetryPauseMax;

        // Up to half as long again: clients that were refused together shall not come back together.
        return pause * (1 + (0.5 * Random.Shared.NextDouble()));
    }

    private static Metadata? HeadersOf(FeatureStoreClientOptions options) => options.ClientName.Length == 0 ? null : new Metadata { { "orleansfeatures-client", options.ClientName } };

    /// <summary>One read and its tries, which keep away from each other's servers.</summary>
    private sealed class Read(Calls calls, GetFeaturesRequest request, DateTime deadline)
    {
        private Connection? _last;

        public Task<GetFeaturesResponse> TryAsync(CancellationToken cancellationToken)
        {
            Connection connection = calls._pool.Take(_last);
            _last = connection;
            return calls.TryAsync(connection, (through, options) => through.Features.GetFeaturesAsync(request, options), deadline, cancellationToken);
        }
    }
}
