using System.Diagnostics;
using System.Diagnostics.Metrics;
using OrleansFeatures.Gateway.Ingest;

namespace OrleansFeatures.Gateway;

/// <summary>What the gateway counts, for whoever listens to the meter <see cref="Name"/>; where nobody does, a call costs a look at a flag.</summary>
public static class GatewayMeters
{
    public const string Name = "OrleansFeatures.Gateway";

    /// <summary>Events of pushes, by tag <c>outcome</c>: accepted (late ones too), duplicate, refused. Counted once they are acknowledged.</summary>
    public const string Events = "events";

    /// <summary>Seconds of one lookup, by tag <c>outcome</c>: ok; refused, where the request was wrong; failed, where it was not, also by its deadline.</summary>
    public const string LookupDuration = "lookup.duration";

    /// <summary>Subscriptions that are open.</summary>
    public const string Subscriptions = "subscriptions";

    /// <summary>Rows sent to subscribers.</summary>
    public const string SubscriptionRows = "subscription.rows";

    /// <summary>Predictions made durable.</summary>
    public const string Predictions = "predictions";

    /// <summary>Amendments written by this process.</summary>
    public const string Amendments = "amendments";

    /// <summary>Calls by tags <c>class</c> (lookup, ingest) and <c>outcome</c>: admitted; or why they were refused before anything was done: queue, calls, client, late.</summary>
    public const string Calls = "admission.calls";

    /// <summary>Calls under way, by tag <c>class</c>.</summary>
    public const string CallsUnderWay = "admission.under_way";

    /// <summary>Seconds that calls wait for a thread.</summary>
    public const string QueueDelaySeconds = "admission.queue_delay";

    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> EventCounter = Meter.CreateCounter<long>(Events);
    private static readonly Histogram<double> Lookups = Meter.CreateHistogram<double>(LookupDuration, "s");

    private static readonly UpDownCounter<int> OpenSubscriptions = Meter.CreateUpDownCounter<int>(Subscriptions);
    private static readonly Counter<long> SentRows = Meter.CreateCounter<long>(SubscriptionRows);

    private static readonly Counter<long> KeptPredictions = Meter.CreateCounter<long>(Predictions);
    private static readonly Counter<long> WrittenAmendments = Meter.CreateCounter<long>(Amendments);

    internal static void Kept(long predictions) => KeptPredictions.Add(predictions);

    internal static void Amended(long amendments) => WrittenAmendments.Add(amendments);

    internal static void Subscribed(int more) => OpenSubscriptions.Add(more);

    internal static void SubscribedRows(long rows)
    {
        if (rows > 0)
        {
            SentRows.Add(rows);
        }
    }

    internal static void Pushed(PushOutcome outcome)
    {
        if (EventCounter.Enabled)
        {
            Count("accepted", outcome.Accepted + outcome.Late);
            Count("duplicate", outcome.Duplicates);
            Count("refused", outcome.Refused);
        }
    }

    /// <param name="lookup">It may be done already.</param>
    /// <param name="began">When it began, as a stopwatch counts.</param>
    internal static ValueTask<T> LookupAsync<T>(ValueTask<T> lookup, long began) => Lookups.Enabled ? TimedAsync(lookup, began) : lookup;

    private static async ValueTask<T> TimedAsync<T>(ValueTask<T> lookup, long began)
    {
        string outcome = "failed";
        try
        {
            T result = await lookup.ConfigureAwait(false);
            outcome = "ok";
            return result;
        }
        catch (RequestRefusedException)
        {
            outcome = "refused";
            throw;
        }
        finally
        {
            Lookups.Record(Stopwatch.GetElapsedTime(began).TotalSeconds, new KeyValuePair<string, object?>("outcome", outcome));
        }
    }

    private static void Count(string outcome, long events)
    {
        if (events > 0)
        {
            EventCounter.Add(events, new KeyValuePair<string, object?>("outcome", outcome));
        }
    }
}
