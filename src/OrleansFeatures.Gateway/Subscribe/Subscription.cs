using Grpc.Core;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Following;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Gateway.Serve;
using OrleansFeatures.Log;
using OrleansFeatures.V1;
using Selection = OrleansFeatures.Domain.Definitions.Selection;
using Value = OrleansFeatures.Domain.Events.Value;

namespace OrleansFeatures.Gateway.Subscribe;

/// <summary>
/// One subscriber, from its first message to its end: a reader of the log that has a place and nothing else.
/// <code>
///   place ──follow──> slice of changes ──> rows concerned, each once ──read──> vectors ──condition──> messages ──> the client's flow control
///     ▲                                                                                                                  │
///     └────────────── through of the slice, in the last message of it ◄──────────── the next slice only when it is gone ─┘
/// </code>
/// A subscriber that does not read holds one slice and one message, and is behind; the log goes on, and may be truncated under it. Rows are read after the slice was applied, so they may hold more than it, which is then sent again.
/// One thread at a time.
/// </summary>
internal sealed class Subscription
{
    private readonly IEntityHost _host;
    private readonly TimeProvider _time;
    private readonly IServerStreamWriter<SubscribeResponse> _responses;
    private readonly SubscribedRows _rows;
    private readonly SubscribedReads _reads;
    private readonly SubscriptionMessages _messages;
    private readonly bool _snapshot;
    private LogSequence _place;
    private bool _sentSinceTick;

    /// <exception cref="RequestRefusedException">The request contradicts the contract or the definitions.</exception>
    public Subscription(SubscribeRequest request, Selection selection, IEntityHost host, TimeProvider time, IServerStreamWriter<SubscribeResponse> responses)
    {
        (_host, _time, _responses) = (host, time, responses);
        _rows = new SubscribedRows(selection, request.Keys);
        _reads = new SubscribedReads(host, selection, ContextOf(selection, request), VectorCondition.Of(selection, request.Filter), time);
        _messages = new SubscriptionMessages(selection, host, request.Compact);
        _snapshot = request.Snapshot && !request.HasResumeAfter;
        if (_snapshot && _rows.Listed is null)
        {
            throw Refuse.Argument("snapshot", "every entity is followed, and a snapshot of all of them is not a message", "list the rows in `keys`, or leave the snapshot out");
        }

        if (request.HasResumeAfter && request.ResumeAfter > long.MaxValue)
        {
            throw Refuse.Argument("resume_after", $"{request.ResumeAfter} is no place in a log", "hand back the `through` of a response");
        }

        _place = request.HasResumeAfter ? SubscriptionMessages.ThroughOf(request.ResumeAfter) : host.DurableSequence;
    }

    /// <summary>Ends by cancellation, or because something failed.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await SendAsync(_messages.Head(_place), cancellationToken).ConfigureAwait(false);
        if (_snapshot)
        {
            await SendSnapshotAsync(cancellationToken).ConfigureAwait(false);
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var ticks = new PeriodicTimer(Limits.SubscriptionTick, _time);
        Task tick = ticks.WaitForNextTickAsync(end.Token).AsTask();
        IAsyncEnumerator<AppliedChanges> slices = _host.FollowAsync(_place, _rows.Concerns, end.Token).GetAsyncEnumerator(end.Token);
        Task<bool> next = Task.FromResult(false);
        try
        {
            while (true)
            {
                next = slices.MoveNextAsync().AsTask();
                while (await Task.WhenAny(next, tick).ConfigureAwait(false) == tick || tick.IsCompleted)
                {
                    await tick.ConfigureAwait(false);
                    await BeatAsync(end.Token).ConfigureAwait(false);
                    tick = ticks.WaitForNextTickAsync(end.Token).AsTask();
                }

                await next.ConfigureAwait(false);
                LogSequence before = _place;
                await SendChangesAsync(slices.Current, end.Token).ConfigureAwait(false);
                if (IsAtTheEnd(before, slices.Current))
                {
                    // Changes that come close together are one slice then, and one row for each entity.
                    await Task.Delay(Limits.SubscriptionPause, _time, end.Token).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            // An iterator that is under way cannot be disposed of.
            await end.CancelAsync().ConfigureAwait(false);
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await tick.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await slices.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>One value of each field, for every row that will be sent.</summary>
    private static Value[] ContextOf(Selection selection, SubscribeRequest request)
    {
        var context = RequestContext.Of(selection, request.Context);
        if (context.Rows is { } rows)
        {
            throw Refuse.Argument("context", $"{rows} values of a field", "give each field one value: it is taken for every row that is sent");
        }

        var values = new Value[selection.RequestFields.Length];
        context.Fill(values, rows: 1, firstRow: 0);
        return values;
    }

    /// <summary>Whether the slice ended where there was no more, and not where it was full.</summary>
    private static bool IsAtTheEnd(LogSequence before, AppliedChanges slice) =>
        slice.Changes.Count < Entities.Limits.FollowSliceChangesMax && slice.Through.Value - before.Value < Entities.Limits.FollowSliceRecordsMax;

    /// <summary>The rows as they are, at a place that is not behind the subscription's.</summary>
    private async Task SendSnapshotAsync(CancellationToken cancellationToken)
    {
        foreach (PartitionId partition in _rows.Partitions(_host.Partitions))
        {
            await _host.WaitAppliedAsync(new PartitionOffset(partition, _host.DurableOffset(partition)), cancellationToken).ConfigureAwait(false);
        }

        await SendRowsAsync(_rows.Listed!, _place, cancellationToken).ConfigureAwait(false);
    }

    private async Task SendChangesAsync(AppliedChanges slice, CancellationToken cancellationToken)
    {
        if (_rows.ChangedBy(slice.Changes) is { Count: > 0 } changed)
        {
            await SendRowsAsync(changed, slice.Through, cancellationToken).ConfigureAwait(false);
        }

        _place = slice.Through;
    }

    /// <summary>Only the last message has come to the place: whoever resumes with an earlier one gets all of them again.</summary>
    private async Task SendRowsAsync(IReadOnlyList<ChangedRow> rows, LogSequence through, CancellationToken cancellationToken)
    {
        for (int first = 0; first < rows.Count; first += Limits.SubscriptionRowsPerRead)
        {
            ChangedRow[] some = [.. rows.Skip(first).Take(Limits.SubscriptionRowsPerRead)];
            FeatureRead read = await _reads.ReadAsync(some, cancellationToken).ConfigureAwait(false);
            for (int sent = 0; sent < read.Rows;)
            {
                SubscribeResponse message = _messages.Rows(read, sent, read.Rows - sent, _place, out int taken);
                sent += taken;
                if (sent == read.Rows && first + some.Length == rows.Count)
                {
                    message.Through = SubscriptionMessages.PlaceOf(through);
                }

                await SendAsync(message, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Ticks come twice as often as a subscriber is to hear something.</summary>
    private async Task BeatAsync(CancellationToken cancellationToken)
    {
        if (!_sentSinceTick)
        {
            await SendAsync(SubscriptionMessages.Beat(_place), cancellationToken).ConfigureAwait(false);
        }

        _sentSinceTick = false;
    }

    private async Task SendAsync(SubscribeResponse message, CancellationToken cancellationToken)
    {
        await _responses.WriteAsync(message, cancellationToken).ConfigureAwait(false);
        _sentSinceTick = true;
        GatewayMeters.SubscribedRows(message.Rows?.RowCount ?? 0);
    }
}
