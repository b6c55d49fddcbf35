using OrleansFeatures.Domain.State;
using OrleansFeatures.Entities;
using OrleansFeatures.Entities.Embedded;
using OrleansFeatures.Entities.Reads;
using OrleansFeatures.Simulation.Running;
using OrleansFeatures.Simulation.Workload;

namespace OrleansFeatures.Simulation.Checking;

/// <summary>
/// Every answer that anybody got, kept until the log says what it should have been: an answer names its state version, and the records of its entity before that are what it must be made of.
/// What can be told at once, that versions never go backwards, is told at once, crashes or no crashes.
/// </summary>
internal sealed class Readings(World world, bool mayBeCut, Trace trace, Tally tally)
{
    private readonly List<Reading> _open = [];
    private readonly Dictionary<(string Entity, string Key), long> _newest = [];

    /// <summary>Records before this have left the log, and a state made since does not know their offsets.</summary>
    public long CutBefore { get; set; }

    /// <summary>Reads one entity from live state.</summary>
    /// <param name="token">What the answer must include: the newest offset by partition.</param>
    public async Task ReadAsync(EmbeddedHost host, string entity, Value key, long asOf, IReadOnlyDictionary<int, long>? token = null, long? knownAt = null)
    {
        FeatureRead read = Question(host, entity, key, asOf, knownAt);
        await host.ReadAsync(read, CancellationToken.None);
        Keep(read, entity, key, token, isHistory: false);
    }

    /// <summary>The same by way of the log where live state does not reach: a training query. Only while nothing is being appended, or the answer has no version.</summary>
    public async Task ReadHistoryAsync(EmbeddedHost host, string entity, Value key, long asOf, long knownAt)
    {
        FeatureRead read = Question(host, entity, key, asOf, knownAt);
        await host.ReadHistoryAsync(read, null, CancellationToken.None);
        Keep(read, entity, key, null, isHistory: true);
    }

    public static FeatureRead Question(EmbeddedHost host, string entity, Value key, long asOf, long? knownAt)
    {
        var read = new FeatureRead(host.Catalog.AllOf(entity)!, 1);
        byte[] bytes = new byte[EntityKeyEncoding.BytesMax];
        read.Keys[0] = bytes.AsMemory(0, EntityKeyEncoding.Append(bytes, key));
        read.AsOf[0] = new EventTime(asOf);
        read.KnownAt[0] = knownAt is { } known ? new EventTime(known) : EventTime.Never;
        return read;
    }

    /// <summary>Judges every answer since the last time.</summary>
    public void Check(History history)
    {
        foreach (Reading reading in _open)
        {
            CheckToken(history, reading);
            CheckValues(history, reading);
        }

        _open.Clear();
    }

    private void Keep(FeatureRead read, string entity, Value key, IReadOnlyDictionary<int, long>? token, bool isHistory)
    {
        string bytes = History.KeyOf(key);
        EntityStamp stamp = read.Stamps[0];
        long newest = _newest.GetValueOrDefault((entity, bytes));
        trace.Note($"read {entity} {key}: state version {stamp.StateVersion}, {string.Join(" ", read.Values.Select(Describe))}");
        if (stamp.StateVersion < newest && !mayBeCut)
        {
            throw new ViolationException($"{entity} {key} was read at state version {newest} before and is at {stamp.StateVersion} now");
        }

        _newest[(entity, bytes)] = stamp.StateVersion;
        _open.Add(new Reading(entity, key, bytes, read, token, isHistory, CutBefore));
    }

    private static void CheckToken(History history, Reading reading)
    {
        LoggedCopy? missed = history.CopiesOf(reading.Entity, reading.KeyBytes)
            .FirstOrDefault(copy => reading.Token is { } token && token.TryGetValue(copy.Partition, out long offset) && copy.Offset <= offset && copy.Offset >= reading.StateVersion && copy.Sequence >= reading.CutBefore);
        if (missed is not null)
        {
            throw new ViolationException($"{reading} was read with a token that includes offset {missed.Offset} of partition {missed.Partition}");
        }
    }

    private void CheckValues(History history, Reading reading)
    {
        List<Row> rows = history.RowsOf(reading.Entity, reading.KeyBytes, reading.StateVersion, reading.CutBefore);
        if (reading.StateVersion > 0 && history.CopiesOf(reading.Entity, reading.KeyBytes).All(copy => copy.Offset + 1 != reading.StateVersion))
        {
            throw new ViolationException($"{reading} has a state version that no record of it has");
        }

        for (int index = 0; index < reading.Read.Selection.Features.Length; index++)
        {
            FeaturePlan plan = reading.Read.Selection.Features[index];
            SimulatedView view = world.Views.First(view => view.Name == plan.View);
            SimulatedFeature feature = view.Features.First(feature => feature.Name == plan.Name);
            object? due = Oracle.Read(view, feature, rows, reading.Read.AsOf[0].Micros, reading.Read.KnownAt[0].Micros);
            Judge(reading, plan, feature, reading.Read.Values[index], due);
        }
    }

    private void Judge(Reading reading, FeaturePlan plan, SimulatedFeature feature, in FeatureValue value, object? due)
    {
        if (value.Status is FeatureStatus.Approximate or FeatureStatus.OutsideRetention && (!reading.IsHistory || mayBeCut))
        {
            tally.ValuesApproximate++; // It says so itself; a training read may not.
            return;
        }

        tally.ValuesChecked++;
        FeatureValue expected = due switch
        {
            null => reading.StateVersion == 0 && !reading.IsHistory ? FeatureValue.NotFound : FeatureValue.Null,
            long number => FeatureValue.Of(Value.Of(number)),
            double number => FeatureValue.Of(Value.Of(number)),
            Value single => FeatureValue.Of(single),
            _ => FeatureValue.Of((Value[])due),
        };
        bool isNull = due is null && value.Status is FeatureStatus.NullValue or FeatureStatus.NotFound && (reading.IsHistory || mayBeCut);
        if (!value.Equals(expected) && !isNull)
        {
            throw new ViolationException($"{reading}: {plan.Reference} ({feature.Kind} over {feature.Window}) is {Describe(value)} and should be {Describe(expected)}");
        }
    }

    public static string Describe(FeatureValue value) => value.List is { } list ? $"[{string.Join(", ", list)}]" : value.Status == FeatureStatus.Present ? value.Scalar.ToString() : $"{value.Status}:{value.Scalar}";

    private sealed record Reading(string Entity, Value Key, string KeyBytes, FeatureRead Read, IReadOnlyDictionary<int, long>? Token, bool IsHistory, long CutBefore)
    {
        public long StateVersion => Read.Stamps[0].StateVersion;

        public override string ToString() => $"{(IsHistory ? "training read of " : "")}{Entity} {Key} as of {Read.AsOf[0]}{(Read.KnownAt[0] == EventTime.Never ? "" : $", known at {Read.KnownAt[0]}")}, state version {StateVersion}";
    }
}
