using System.Diagnostics;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Log;

namespace OrleansFeatures.Conformance;

/// <summary>What a push came to: a definite result for every event, and where a read must have come to see them (a consistency token holds just that).</summary>
public sealed record Pushed(CorrectionOutcome[] Outcomes, IReadOnlyDictionary<int, long> Positions)
{
    public IntakeResult[] Results => [.. Outcomes.Select(outcome => outcome.Result)];
}

/// <summary>What a gateway does with a host, in a line for a test.</summary>
public static class HostCalls
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Generous: only a failing test waits so long.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Between two looks at what other processes tell each other.</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// What a host says of the whole store it may have heard from others, a moment ago. Returns it as soon as it is as expected, or as it is when patience has an end; the assertion is the caller's.
    /// </summary>
    public static async Task<T> HeardAsync<T>(this IEntityHost host, Func<IEntityHost, T> ask, Func<T, bool> expected)
    {
        long begun = Stopwatch.GetTimestamp();
        using var looks = new PeriodicTimer(Look);
        T heard;
        while (!expected(heard = ask(host)) && Stopwatch.GetElapsedTime(begun) < Patience)
        {
            await looks.WaitForNextTickAsync(Cancel);
        }

        return heard;
    }

    /// <summary>The one stream of most tests, once it has so many events.</summary>
    public static async Task ShouldHoldAsync(this IEntityHost host, int accepted, string? context = null) =>
        (await host.HeardAsync(asked => asked.Status().Streams[0].Accepted, count => count == accepted)).ShouldBe(accepted, context);

    public static async Task ShouldHaveSeenAsync(this IEntityHost host, EventTime streamTime, string? context = null) =>
        (await host.HeardAsync(asked => asked.StreamTimeMicros(asked.Catalog.Stream("transactions")!), time => time == streamTime.Micros)).ShouldBe(streamTime.Micros, context);

    /// <summary>
    /// Appends events as one batch. What a host cannot say while the batch is filled (of corrections; of everything, where another process may hold the ids) stands in the batch once it is durable.
    /// </summary>
    public static async Task<Pushed> AppendAsync(this IEntityHost host, params Push[] events)
    {
        while (true)
        {
            try
            {
                return await AppendOnceAsync(host, events);
            }
            catch (DefinitionsChangedException)
            {
                // The batch was read against definitions that have been replaced since. Nothing was appended: read it again, as a gateway does.
            }
        }
    }

    public static async Task WaitAppliedAsync(this IEntityHost host, IReadOnlyDictionary<int, long> positions)
    {
        foreach ((int partition, long offset) in positions)
        {
            await host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition), new LogOffset(offset)), Cancel);
        }
    }

    public static async Task<CorrectionOutcome[]> PushAsync(this IEntityHost host, params Push[] events)
    {
        Pushed pushed = await host.AppendAsync(events);
        await host.WaitAppliedAsync(pushed.Positions);
        return pushed.Outcomes;
    }

    public static async Task<IntakeResult[]> PushAsync(this IEntityHost host, params Value[][] events) =>
        [.. (await host.PushAsync([.. events.Select(fields => new Push(fields))])).Select(outcome => outcome.Result)];

    public static FeatureRead Question(this IEntityHost host, string entity, EventTime asOf, params string[] keys)
    {
        var read = new FeatureRead(host.Catalog.AllOf(entity)!, keys.Length);
        for (int row = 0; row < keys.Length; row++)
        {
            read.Keys[row] = KeyOf(keys[row]);
            read.AsOf[row] = asOf;
        }

        return read;
    }

    public static byte[] KeyOf(string text)
    {
        byte[] key = new byte[EntityKeyEncoding.BytesMax];
        return key[..EntityKeyEncoding.Append(key, Value.Of(text))];
    }

    /// <summary>Many entities' features as of one instant.</summary>
    public static async Task<FeatureRead> AskAsync(this IEntityHost host, string entity, EventTime asOf, string[] keys, bool history = false, EventTime? knownAt = null)
    {
        FeatureRead read = host.Question(entity, asOf, keys);
        if (knownAt is { } arrival)
        {
            Array.Fill(read.KnownAt, arrival);
        }

        await (history ? host.ReadHistoryAsync(read, null, Cancel) : host.ReadAsync(read, Cancel));
        return read;
    }

    /// <summary>All features of one entity by name, from live state or from history.</summary>
    public static async Task<Dictionary<string, FeatureValue>> ReadAsync(this IEntityHost host, string entity, string key, EventTime asOf, bool history = false)
    {
        FeatureRead read = await host.AskAsync(entity, asOf, [key], history);
        return read.Selection.Features.Select((feature, index) => (feature.Name, read.Values[index])).ToDictionary();
    }

    public static async Task<EntityStamp> StampAsync(this IEntityHost host, string entity, string key) => (await host.AskAsync(entity, Transactions.At(0), [key])).Stamps[0];

    public static async Task WaitAllAppliedAsync(this IEntityHost host)
    {
        for (int partition = 0; partition < host.Partitions.Count; partition++)
        {
            await host.WaitAppliedAsync(new PartitionOffset(new PartitionId(partition), host.DurableOffset(new PartitionId(partition))), Cancel);
        }
    }

    /// <summary>A value with its status, to the bit.</summary>
    public static string Show(this FeatureValue value) =>
        $"{value.Status}:{value.Scalar.Bits}{value.Scalar.Text}:{string.Join(';', (value.List ?? []).Select(element => $"{element.Bits}{element.Text}"))}";

    private static async Task<Pushed> AppendOnceAsync(IEntityHost host, Push[] events)
    {
        using IntakeBatch batch = await host.BeginBatchAsync(Cancel);
        CorrectionOutcome[] outcomes = [.. events.Select(push => push.AddTo(batch))];
        (await host.AppendAsync(batch, wait: true, Cancel)).ShouldBeTrue();
        return new Pushed([.. outcomes.Select(outcome => outcome.Result == IntakeResult.Pending ? batch.Corrections[outcome.Note.Correction] : outcome)], batch.Positions());
    }
}
