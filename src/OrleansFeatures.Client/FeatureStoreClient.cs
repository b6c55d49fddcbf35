using System.Runtime.CompilerServices;
using Grpc.Core;
using OrleansFeatures.Client.Connections;
using OrleansFeatures.Client.Pushing;
using OrleansFeatures.Client.Vectors;
using OrleansFeatures.Client.Watching;
using OrleansFeatures.V1;

namespace OrleansFeatures.Client;

/// <summary>
/// A feature store, or a cluster of them, as a program sees it. Make one per process and keep it: it holds connections, and what it knows of servers that are ill. Any thread.
/// </summary>
/// <remarks>
/// Every call fails with an <see cref="RpcException"/> whose message names the place in the request and the fix; <see cref="Refusals"/> says what it means for a next try. Before it fails, a call is tried again
/// as the options say, within its deadline.
/// </remarks>
public sealed class FeatureStoreClient : IDisposable
{
    private readonly FeatureStoreClientOptions _options;
    private readonly ConnectionPool _pool;
    private readonly Calls _calls;
    private readonly TokenMemory _tokens = new();
    private volatile VectorLayout _layout = new([]);

    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public FeatureStoreClient(FeatureStoreClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
        _pool = new ConnectionPool(options);
        _calls = new Calls(options, _pool);
    }

    /// <summary>A client of one store, with the defaults. Does not connect yet.</summary>
    public FeatureStoreClient(string server) : this(new FeatureStoreClientOptions { Servers = [new Uri(server)] })
    {
    }

    /// <summary>What this client's pushes have made durable, to be handed to another client that shall see it: <see cref="Observe(ConsistencyToken)"/>. Null before the first push.</summary>
    public ConsistencyToken? Token => _tokens.All?.Clone();

    /// <summary>From now on this client's reads see what the token covers, as if it had pushed it itself.</summary>
    public void Observe(ConsistencyToken token) => _tokens.Add(token);

    /// <summary>The features of the query's rows, each row from one state of each entity.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT, NOT_FOUND: the query names something that is not there. DEADLINE_EXCEEDED, UNAVAILABLE, RESOURCE_EXHAUSTED: not in time, also after retries.</exception>
    public async Task<FeatureVectors> GetAsync(FeatureQuery query, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        GetFeaturesRequest request = query.Request;
        if (_options.ReadYourWrites && request.MinToken is null && _tokens.All is { } token)
        {
            // The query stays as it is, for its next use by whichever client.
            request = request.Clone();
            request.MinToken = token;
        }

        return VectorsOf(await _calls.ReadAsync(request, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Appends events; completes when those that were not refused are on disk. Safe to repeat: what is known is a duplicate.</summary>
    /// <returns>What became of every event, with field, reason and fix for those refused.</returns>
    public async Task<PushResponse> PushAsync(PushRequest events, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(events);
        PushResponse response = await _calls.WriteAsync((connection, options) => connection.Ingest.PushAsync(events, options), cancellationToken).ConfigureAwait(false);
        _tokens.Add(response.Token);
        return response;
    }

    /// <inheritdoc cref="PushAsync(PushRequest, CancellationToken)"/>
    public Task<PushResponse> PushAsync(EventRows events, CancellationToken cancellationToken = default) => PushAsync((events ?? throw new ArgumentNullException(nameof(events))).Request, cancellationToken);

    /// <summary>A stream for many events, at the server's pace. Dispose it to wait for what is under way.</summary>
    /// <param name="abandon">Ends the stream without waiting for anything: what is unacknowledged then fails with <see cref="OperationCanceledException"/>.</param>
    public EventStream OpenEventStream(CancellationToken abandon = default) => new(_options, _pool, _calls, _tokens, abandon);

    /// <summary>Appends one event and answers with the vector right behind it; the same event again answers the same.</summary>
    public async Task<Observed> ObserveAndGetAsync(ObserveAndGetRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ObserveAndGetResponse response = await _calls.WriteAsync((connection, options) => connection.Features.ObserveAndGetAsync(request, options), cancellationToken).ConfigureAwait(false);
        _tokens.Add(response.Token);
        return new Observed(response.Result, response.Refusal, response.Features is null ? null : VectorsOf(response.Features)[0]);
    }

    /// <summary>
    /// The vectors of entities, again whenever they change; goes on by itself behind a lost connection, without a gap. Does not end but by cancellation, or an exception. The request's <c>compact</c> is not for this client, which needs the names.
    /// </summary>
    /// <exception cref="RpcException">OUT_OF_RANGE: the log no longer reaches back to <c>resume_after</c>.</exception>
    public async IAsyncEnumerable<FeatureChanges> SubscribeAsync(SubscribeRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        SubscribeRequest next = request.Clone();
        next.Compact = false;
        var layout = new VectorLayout([]);
        var stream = new ResumingStream(_options, _pool, _calls);
        await foreach (SubscribeResponse response in stream.ReadAsync((connection, options) => connection.Features.Subscribe(next, options), cancellationToken).ConfigureAwait(false))
        {
            layout = response.Columns.Count > 0 ? new VectorLayout(response.Columns) : layout;
            next.ResumeAfter = response.Through;
            next.Snapshot = false;
            yield return new FeatureChanges(
                response.Keys,
                new FeatureVectors(layout, response.Rows ?? new FeatureRows(), response.States, ReadOnlyMemory<byte>.Empty),
                [.. response.AsOfMicros.Select(Cells.TimeOf)],
                response.Through);
        }
    }

    /// <summary>What late and corrected events have changed of vectors that were served under a prediction id; goes on by itself behind a lost connection, each amendment once.</summary>
    public async IAsyncEnumerable<Amendment> AmendmentsAsync(SubscribeAmendmentsRequest request, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        SubscribeAmendmentsRequest next = request.Clone();
        var stream = new ResumingStream(_options, _pool, _calls);
        await foreach (SubscribeAmendmentsResponse response in stream.ReadAsync((connection, options) => connection.Features.SubscribeAmendments(next, options), cancellationToken).ConfigureAwait(false))
        {
            foreach (Amendment amendment in response.Amendments)
            {
                yield return amendment;
            }

            next.ResumeAfter = response.Through;
            next.FromNow = false;
        }
    }

    /// <summary>Closes the connections; calls under way fail with CANCELLED.</summary>
    public void Dispose() => _pool.Dispose();

    private FeatureVectors VectorsOf(GetFeaturesResponse response)
    {
        VectorLayout layout = _layout;
        if (!layout.Fits(response.Columns))
        {
            // Programs ask the same question again and again: the layout of the last answer usually serves for the next.
            _layout = layout = new VectorLayout(response.Columns);
        }

        return new FeatureVectors(layout, response.Rows, response.States, response.RowStatuses.Memory);
    }
}

/// <summary>What became of an observed event.</summary>
/// <param name="Result">ACCEPTED, DUPLICATE (the vector is the one of the first time), LATE or QUARANTINED.</param>
/// <param name="Refusal">Why it was refused, and what would help; null unless QUARANTINED.</param>
/// <param name="Vector">As of the event's own time; null where it was refused.</param>
public sealed record Observed(EventResult Result, Refusal? Refusal, FeatureVector? Vector);
