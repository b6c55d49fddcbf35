using System.Globalization;
using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Tests.Windows;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Intake;
using OrleansFeatures.Entities.Reads;

namespace OrleansFeatures.Conformance;

/// <summary>
/// What a store of transactions must say, worked out the slow way: every version of every event is kept, and each feature is computed from all of them (<see cref="NaiveOracle"/>). One producer, so
/// stream time is the newest event time that came. Filters are written <c>amount &gt; NUMBER</c>.
/// </summary>
public sealed class TransactionOracle
{
    private readonly NaiveOracle _versions = new();
    private readonly Dictionary<long, Value[]?> _standing = [];
    private readonly Dictionary<long, long> _met = [];
    private long _streamTime = long.MinValue;

    /// <summary>Names of customers and terminals that may be asked for: c0, c1 and so on, t0, t1 and so on; the last of each is in no event.</summary>
    public int Customers { get; init; } = 7;

    public int Terminals { get; init; } = 5;

    /// <summary>Events that stand.</summary>
    public int Accepted => _standing.Values.Count(fields => fields is not null);

    public EventTime StreamTime => new(_streamTime);

    /// <summary>Takes a batch as a store does, inserts first and then corrections in their order, and says what must become of each event.</summary>
    public IntakeResult[] Apply(Catalog catalog, params Push[] batch)
    {
        var results = new IntakeResult[batch.Length];
        foreach (int index in Enumerable.Range(0, batch.Length).OrderBy(index => batch[index].Operation == EventOperation.Insert ? 0 : 1).ThenBy(index => index))
        {
            results[index] = Apply(catalog, batch[index]);
        }

        return results;
    }

    /// <summary>Asks an entry for every entity as of some instants and compares every value.</summary>
    public async Task CheckAsync(IEntityHost entry, long[] seconds, string context, bool history = false, EventTime? knownAt = null)
    {
        foreach (EntityDefinition entity in entry.Catalog.Definitions.Entities)
        {
            string[] keys = [.. entity.Name == "customer" ? Enumerable.Range(0, Customers).Select(number => $"c{number}") : Enumerable.Range(0, Terminals).Select(number => $"t{number}")];
            foreach (long second in seconds)
            {
                FeatureRead read = await entry.AskAsync(entity.Name, Transactions.At(second), keys, history, knownAt);
                Compare(entry.Catalog, entity, keys, read, knownAt ?? EventTime.Never, $"{context}, {(history ? "history" : "live")}, known at {knownAt?.ToString() ?? "any time"}");
            }
        }
    }

    private IntakeResult Apply(Catalog catalog, Push push)
    {
        long id = push.Fields[0].Int64;
        bool isKnown = _standing.TryGetValue(id, out Value[]? standing);
        bool changes = push.Operation switch
        {
            EventOperation.Insert => !isKnown,
            EventOperation.Delete => !isKnown || standing is not null,
            _ => standing is null || !standing.AsSpan().SequenceEqual(push.Fields),
        };
        if (!changes)
        {
            return IntakeResult.Duplicate;
        }

        _standing[id] = push.Operation == EventOperation.Delete ? null : push.Fields;
        long arrival = push.Arrival?.Micros ?? 0;
        if (push.Operation == EventOperation.Delete)
        {
            _versions.Delete(EventId.Of(id), arrival);
            return IntakeResult.Accepted;
        }

        long time = push.Fields[1].Time.Micros;
        if (standing is null)
        {
            // A correction is as late as the event was that it corrects.
            _streamTime = Math.Max(_streamTime, time);
            _met[id] = _streamTime;
        }

        var fields = new Dictionary<string, Value> { ["customer_id"] = push.Fields[2], ["terminal_id"] = push.Fields[3], ["amount"] = push.Fields[4] };
        _versions.Upsert(new NaiveEvent(time, EventId.Of(id), fields) { Arrival = arrival, Lateness = _met[id] - time });
        return catalog.Definitions.FeatureViews.Any(view => _met[id] - time > view.AllowedLateness?.Micros) ? IntakeResult.Late : IntakeResult.Accepted;
    }

    private void Compare(Catalog catalog, EntityDefinition entity, string[] keys, FeatureRead read, EventTime knownAt, string context)
    {
        var features = catalog.Definitions.FeatureViews.Where(view => view.Entity == entity.Name).SelectMany(view => view.Features.Select(feature => (View: view, Feature: feature))).ToList();
        read.Selection.Features.Select(feature => feature.Reference).ShouldBe(features.Select(pair => $"{pair.View.Name}:{pair.Feature.Name}"));
        for (int row = 0; row < keys.Length; row++)
        {
            for (int index = 0; index < features.Count; index++)
            {
                (FeatureViewDefinition view, FeatureDefinition feature) = features[index];
                object? expected = IsExpired(entity, view, keys[row], read.AsOf[row].Micros, knownAt.Micros) ? FeatureStatus.OutsideMaxAge : _versions.Read(
                    AggregateCall.Parse(feature.Aggregate, out _, out _)!, feature.Window, read.AsOf[row].Micros, feature.Delay.Micros, knownAt.Micros,
                    version => version.Fields[entity.Key[0]].Text == keys[row] && !(version.Lateness > view.AllowedLateness?.Micros) && Passes(view.Where, version) && Passes(feature.Where, version),
                    feature.By);
                FeatureValue found = read.Values[(row * features.Count) + index];
                if (!Agrees(found, expected))
                {
                    Assert.Fail($"{context}: {keys[row]} {view.Name}:{feature.Name} as of {read.AsOf[row]} is {found.Show()} ({found.Scalar}), the oracle says {expected ?? "null"}");
                }
            }
        }
    }

    /// <summary>Whether the newest event that the view takes, its filter aside, is older than its ttl. Where there is none, nothing has expired.</summary>
    private bool IsExpired(EntityDefinition entity, FeatureViewDefinition view, string key, long asOf, long knownAt) =>
        view.Ttl is { } ttl
        && _versions.Between(long.MinValue, asOf, knownAt, version => version.Fields[entity.Key[0]].Text == key && !(version.Lateness > view.AllowedLateness?.Micros)) is [.., var newest]
        && asOf - newest.Time > ttl.Micros;

    private static bool Passes(string? where, NaiveEvent version) => where is null || version.Fields["amount"].Double > double.Parse(where.Split('>')[1], CultureInfo.InvariantCulture);

    private static bool Agrees(FeatureValue found, object? expected) => expected switch
    {
        null => found.Status is FeatureStatus.NullValue or FeatureStatus.NotFound,
        FeatureStatus status => found.Status == status,
        _ when found.Status != FeatureStatus.Present => false,
        long number => found.Scalar == Value.Of(number),
        double number => Math.Abs(found.Scalar.Double - number) <= 1e-9 * Math.Max(1, Math.Abs(number)),
        Value value => found.Scalar == value,
        Value[] list => found.List.AsSpan().SequenceEqual(list),
        _ => false,
    };
}
