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
    private readonly Dictionary<Subject, long> _newest = [];

    /// <summary>Records before this have left the log, and a state made since does not know their offsets.</summary>
    public long CutBefore { get; set; }

    /// <summary>Reads one entity from live state.</summary>
    /// <param name="token">What the answer must include: the newest offset by partition.</param>
    public async Task ReadAsync(EmbeddedHost host, string entity, Value key, long asOf, IReadOnlyDictionary<int, long>? token = null)
    {
        FeatureRead read = Question(host, entity, key, asOf, null);
        await host.ReadAsync(read, CancellationToken.None);
        Keep(read, [new Subject(entity, key)], token, isHistory: false);
    }

    /// <summary>The same by way of the log where live state does not reach: a training query. Only while nothing is being appended, or the answer has no version.</summary>
    public async Task ReadHistoryAsync(EmbeddedHost host, string entity, Value key, long asOf, long knownAt)
    {
        FeatureRead read = Question(host, entity, key, asOf, knownAt);
        await host.ReadHistoryAsync(read, null, CancellationToken.None);
        Keep(read, [new Subject(entity, key)], null, isHistory: true);
    }

    /// <summary>Reads what is computed from a customer, a shop and a request of so many fields, all of them drawn; from live state, or as training does.</summary>
    public async Task ReadOnDemandAsync(EmbeddedHost host, Random random, long asOf, long knownAt, bool isHistory, IReadOnlyDictionary<int, long>? token = null)
    {
        Selection selection = host.Catalog.Service(World.Computed)!;
        Subject[] subjects = [.. selection.Entities.Select(entity => entity.Entity.Name).Select(entity => new Subject(entity, EventMaker.KeyOf(entity, random.Next(entity == "shop" ? Bounds.Shops + 1 : Bounds.Customers + 1))))];
        FeatureRead read = Question(selection, subjects, asOf, knownAt);
        for (int field = 0; field < read.Context.Length; field++)
        {
            read.Context[field] = SimulatedOnDemand.Draw(selection.RequestFields[field].Name, random);
        }

        await (isHistory ? host.ReadHistoryAsync(read, null, CancellationToken.None) : host.ReadAsync(read, CancellationToken.None));
        Keep(read, subjects, token, isHistory);
    }

    public static FeatureRead Question(EmbeddedHost host, string entity, Value key, long asOf, long? knownAt) =>
        Question(host.Catalog.AllOf(entity)!, [new Subject(entity, key)], asOf, knownAt ?? EventTime.Never.Micros);

    /// <summary>Judges every answer since the last time.</summary>
    public void Check(History history)
    {
        foreach (Reading reading in _open)
        {
            for (int entity = 0; entity < reading.Subjects.Length; entity++)
            {
                CheckToken(history, reading, entity);
            }

            CheckValues(history, reading);
        }

        _open.Clear();
    }

    private static FeatureRead Question(Selection selection, Subject[] subjects, long asOf, long knownAt)
    {
        var read = new FeatureRead(selection, 1);
        for (int entity = 0; entity < subjects.Length; entity++)
        {
            byte[] bytes = new byte[EntityKeyEncoding.BytesMax];
            read.Keys[entity] = bytes.AsMemory(0, EntityKeyEncoding.Append(bytes, subjects[entity].Key));
        }

        read.AsOf[0] = new EventTime(asOf);
        read.KnownAt[0] = new EventTime(knownAt);
        return read;
    }

    private void Keep(FeatureRead read, Subject[] subjects, IReadOnlyDictionary<int, long>? token, bool isHistory)
    {
        for (int entity = 0; entity < subjects.Length; entity++)
        {
            Subject subject = subjects[entity];
            long version = read.Stamps[entity].StateVersion;
            long newest = _newest.GetValueOrDefault(subject);
            trace.Note($"read {subject}: state version {version}, {string.Join(" ", read.Selection.Entities[entity].Positions.Select(position => Describe(read.Values[position])))}");
            if (version < newest && !mayBeCut)
            {
                throw new ViolationException($"{subject} was read at state version {newest} before and is at {version} now");
            }

            _newest[subject] = version;
        }

        _open.Add(new Reading(subjects, read, token, isHistory, CutBefore));
    }

    private static void CheckToken(History history, Reading reading, int entity)
    {
        Subject subject = reading.Subjects[entity];
        LoggedCopy? missed = history.CopiesOf(subject.Entity, subject.KeyBytes).FirstOrDefault(copy =>
            reading.Token is { } token && token.TryGetValue(copy.Partition, out long offset) && copy.Offset <= offset && copy.Offset >= reading.StateVersion(entity) && copy.Sequence >= reading.CutBefore);
        if (missed is not null)
        {
            throw new ViolationException($"{reading} was read with a token that includes offset {missed.Offset} of partition {missed.Partition}");
        }
    }

    private void CheckValues(History history, Reading reading)
    {
        Selection selection = reading.Read.Selection;
        var due = new Due[selection.Features.Length];
        for (int entity = 0; entity < reading.Subjects.Length; entity++)
        {
            (string type, string key, long version) = (reading.Subjects[entity].Entity, reading.Subjects[entity].KeyBytes, reading.StateVersion(entity));
            List<Row> rows = history.RowsOf(type, key, version, reading.CutBefore);
            if (version > 0 && history.CopiesOf(type, key).All(copy => copy.Offset + 1 != version))
            {
                throw new ViolationException($"{reading} has a state version that no record of it has");
            }

            foreach (int position in selection.Entities[entity].Positions)
            {
                FeaturePlan plan = selection.Features[position];
                SimulatedView view = world.Views.First(view => view.Name == plan.View);
                SimulatedFeature feature = view.Features.First(feature => feature.Name == plan.Name);
                (long asOf, long knownAt) = (reading.Read.AsOf[0].Micros, reading.Read.KnownAt[0].Micros);
                // State that is made of a log whose beginning is gone cannot tell an entity that has been silent since from one that never had any event.
                bool hasExpired = Oracle.HasExpired(view, rows, asOf, knownAt);
                bool isAsNew = hasExpired && mayBeCut && reading.Read.Values[position].Status != FeatureStatus.OutsideMaxAge;
                due[position] = hasExpired && !isAsNew ? Due.Expired : new Due(Oracle.Read(view, feature, isAsNew ? [] : rows, asOf, knownAt), false);
                Judge(reading, version, plan, feature, reading.Read.Values[position], due[position]);
            }
        }

        JudgeOnDemand(reading, due);
    }

    private void Judge(Reading reading, long version, FeaturePlan plan, SimulatedFeature feature, in FeatureValue value, Due due)
    {
        if (IsInexact(value) && (!reading.IsHistory || mayBeCut))
        {
            tally.ValuesApproximate++; // It says so itself; a training read may not.
            return;
        }

        tally.ValuesChecked++;
        tally.ValuesExpired += due.IsExpired ? 1 : 0;
        FeatureValue expected = due.IsExpired ? FeatureValue.OutsideMaxAge : due.Value is null ? version == 0 && !reading.IsHistory ? FeatureValue.NotFound : FeatureValue.Null : ValueOf(due.Value);
        bool isNull = due is { Value: null, IsExpired: false } && value.Status is FeatureStatus.NullValue or FeatureStatus.NotFound && (reading.IsHistory || mayBeCut);
        if (!value.Equals(expected) && !isNull)
        {
            throw new ViolationException($"{reading}: {plan.Reference} ({feature.Kind} over {feature.Window}) is {Describe(value)} and should be {Describe(expected)}");
        }
    }

    /// <summary>What is computed at the request, from what the oracle makes of its inputs. How an input that has none is without a value has been judged with the input.</summary>
    private void JudgeOnDemand(Reading reading, Due[] due)
    {
        Selection selection = reading.Read.Selection;
        ReadOnlySpan<FeatureValue> answer = reading.Read.Answer(0, 1);
        for (int column = 0; column < selection.Columns.Length; column++)
        {
            if (world.OnDemand.FirstOrDefault(one => one.Name == selection.Columns[column].Name) is not { } computed)
            {
                continue;
            }

            int[] inputs = [.. computed.Inputs.Select(input => selection.Features.IndexOf(selection.Features.First(feature => feature.Reference == input)))];
            FeatureStatus[] statuses = [.. inputs.Select(input => reading.Read.Values[input].Status)];
            Value context = reading.Read.Context[selection.RequestFields.IndexOf(selection.RequestFields.First(field => field.Name == computed.Request))];
            object? value = computed.Computes([.. inputs.Select(input => Plain(due[input].Value)), Plain(context)]);
            tally.ValuesOnDemand++;
            FeatureStatus without = statuses.Contains(FeatureStatus.OutsideMaxAge) ? FeatureStatus.OutsideMaxAge : statuses.Contains(FeatureStatus.NotFound) ? FeatureStatus.NotFound : FeatureStatus.NullValue;
            bool isRight = statuses.Contains(FeatureStatus.OutsideRetention) ? answer[column].Equals(FeatureValue.OutsideRetention)
                : statuses.Contains(FeatureStatus.Approximate) ? answer[column].Status == FeatureStatus.Approximate || answer[column].Status == without
                : answer[column].Equals(value is null ? FeatureValue.Without(without) : ValueOf(value));
            if (!isRight)
            {
                string given = string.Join(", ", inputs.Select(input => Describe(reading.Read.Values[input])));
                throw new ViolationException($"{reading}: {computed.Name} ({computed.Definition.Expression}) of {given} and {context} is {Describe(answer[column])} and should be {value ?? without}");
            }
        }
    }

    private static bool IsInexact(in FeatureValue value) => value.Status is FeatureStatus.Approximate or FeatureStatus.OutsideRetention;

    private static FeatureValue ValueOf(object value) => value switch
    {
        long number => FeatureValue.Of(Value.Of(number)),
        double number => FeatureValue.Of(Value.Of(number)),
        bool truth => FeatureValue.Of(Value.Of(truth)),
        Value single => FeatureValue.Of(single),
        _ => FeatureValue.Of((Value[])value),
    };

    private static object? Plain(object? value) => value is not Value single ? value : single.Type switch
    {
        FieldType.Null => null,
        FieldType.String => single.Text,
        FieldType.Double => single.Double,
        _ => single.Int64,
    };

    public static string Describe(FeatureValue value) => value.List is { } list ? $"[{string.Join(", ", list)}]" : value.Status == FeatureStatus.Present ? value.Scalar.ToString() : $"{value.Status}:{value.Scalar}";

    /// <summary>What the oracle says of a feature.</summary>
    private readonly record struct Due(object? Value, bool IsExpired)
    {
        public static readonly Due Expired = new(null, true);
    }

    private readonly record struct Subject(string Entity, Value Key)
    {
        public string KeyBytes { get; } = History.KeyOf(Key);

        public override string ToString() => $"{Entity} {Key}";
    }

    private sealed record Reading(Subject[] Subjects, FeatureRead Read, IReadOnlyDictionary<int, long>? Token, bool IsHistory, long CutBefore)
    {
        public long StateVersion(int entity) => Read.Stamps[entity].StateVersion;

        public override string ToString() =>
            $"{(IsHistory ? "training read of " : "")}{string.Join(" and ", Subjects.Select((subject, entity) => $"{subject} at state version {StateVersion(entity)}"))} as of {Read.AsOf[0]}{(Read.KnownAt[0] == EventTime.Never ? "" : $", known at {Read.KnownAt[0]}")}";
    }
}
