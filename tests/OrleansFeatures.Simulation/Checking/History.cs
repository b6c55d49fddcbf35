using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Log;
using OrleansFeatures.Simulation.Running;
using OrleansFeatures.Simulation.Workload;

namespace OrleansFeatures.Simulation.Checking;

/// <summary>One record of the log: a copy of an event for one entity.</summary>
internal sealed record LoggedCopy(long Sequence, int Partition, long Offset, byte[] Payload, EventOperation Operation, EventVersion Previous, bool IsPrimary, string Entity, string Key, Row Row);

/// <summary>
/// What is in the log, as this simulation reads it from a copy of the disk: the ground on which values are judged. Whether it is what clients were told is judged by
/// <see cref="Promises"/>. What was in the log after one recovery must be in it, byte for byte, after every later one.
/// </summary>
internal sealed class History(World world)
{
    private readonly List<LoggedCopy> _copies = [];
    private readonly Dictionary<(string Entity, string Key), List<LoggedCopy>> _byEntity = [];
    private readonly Dictionary<EventKey, (EventVersion Version, Value[]? Fields, LoggedCopy Record)> _standing = [];
    private LoggedCopy? _primary;
    private int _copiesOfPrimary;

    /// <summary>Records before this are in the log no more.</summary>
    public long First { get; private set; }

    public bool IsCut => First > 0;

    /// <summary>Records that were read so far.</summary>
    public int Count => _copies.Count;

    /// <summary>Primaries of corrections.</summary>
    public int Corrections { get; private set; }

    /// <summary>Every event that was ever taken: its fields as they stand, null where it has been deleted.</summary>
    public IReadOnlyDictionary<EventKey, (EventVersion Version, Value[]? Fields, LoggedCopy Record)> Standing => _standing;

    /// <summary>Every entity that a record names.</summary>
    public IEnumerable<(string Entity, string Key)> Entities => _byEntity.Keys;

    /// <summary>An entity's key as records have it, in hexadecimal.</summary>
    public static string KeyOf(Value key)
    {
        byte[] bytes = new byte[EntityKeyEncoding.BytesMax];
        return Convert.ToHexString(bytes.AsSpan(0, EntityKeyEncoding.Append(bytes, key)));
    }

    /// <summary>What the log says of one entity, in the order of its partition.</summary>
    public IReadOnlyList<LoggedCopy> CopiesOf(string entity, string key) => _byEntity.TryGetValue((entity, key), out List<LoggedCopy>? copies) ? copies : [];

    /// <summary>The versions that an entity knows of when it has taken the records before a state version; what has been cut from the log is before every version.</summary>
    public List<Row> RowsOf(string entity, string key, long stateVersion, long cutBefore)
    {
        var rows = new List<Row>();
        stateVersion = Math.Max(stateVersion, (CopiesOf(entity, key).LastOrDefault(copy => copy.Sequence < cutBefore)?.Offset ?? -1) + 1);
        foreach (LoggedCopy copy in CopiesOf(entity, key).Where(copy => copy.Offset < stateVersion))
        {
            Apply(rows, copy);
        }

        return rows;
    }

    /// <summary>The pages have a copy of every visit, as they must while they are defined.</summary>
    public void RequirePages()
    {
        foreach ((EventKey id, var version) in _standing.Where(entry => entry.Key.Stream == World.Visits && entry.Value.Fields is not null))
        {
            if (!CopiesOf("page", KeyOf(version.Fields![World.Page])).Any(copy => copy.Row.Id == id && copy.Row.Fields.AsSpan().SequenceEqual(version.Fields)))
            {
                throw new ViolationException($"{id} of record {version.Record.Sequence} has no copy for its page, which is defined");
            }
        }
    }

    /// <summary>Reads what has come since the last time.</summary>
    public void Absorb(EventLog log)
    {
        if (log.DurableSequence.Value + 1 < _copies.Count)
        {
            throw new ViolationException($"the log ends at sequence {log.DurableSequence}; {_copies.Count} records were in it after an earlier recovery");
        }

        First = Math.Max(First, log.FirstSequence.Value);
        var records = new List<(long Sequence, int Partition, long Offset, byte[] Payload)>();
        var visitor = new Collect(records);
        log.Read(log.FirstSequence, log.DurableSequence, ref visitor);
        foreach (var (sequence, partition, offset, payload) in records)
        {
            if (sequence == _copies.Count)
            {
                Add(Parse(sequence, partition, offset, payload));
            }
            else if (sequence > _copies.Count || !payload.AsSpan().SequenceEqual(_copies[(int)sequence].Payload))
            {
                throw new ViolationException($"the record of sequence {sequence} is not the one that was there after an earlier recovery ({_copies.Count} records)");
            }
        }

        RequireWhole();
    }

    private static void Apply(List<Row> rows, LoggedCopy copy)
    {
        Row version = copy.Row with { };
        if (copy.Operation == EventOperation.Insert)
        {
            if (!rows.Exists(row => row.Id == version.Id))
            {
                rows.Add(version);
            }

            return;
        }

        if (copy.Previous != EventVersion.None && rows.FindLast(row => row.Id == version.Id && row.Until is null) is { } replaced)
        {
            replaced.Until = version.Arrival;
        }

        // One without a version before it may be a copy of what is here: an entity type that was left out and comes back gets all of history again.
        if (copy.Operation == EventOperation.Upsert && !(copy.Previous == EventVersion.None && rows.Exists(row => row.Id == version.Id && row.Until is null)))
        {
            rows.Add(version);
        }
    }

    private void Add(LoggedCopy copy)
    {
        _copies.Add(copy);
        if (copy.Entity.Length > 0)
        {
            if (!_byEntity.TryGetValue((copy.Entity, copy.Key), out List<LoggedCopy>? copies))
            {
                _byEntity[(copy.Entity, copy.Key)] = copies = [];
            }

            copies.Add(copy);
        }

        if (copy.IsPrimary)
        {
            RequireWhole();
            Stand(copy);
            (_primary, _copiesOfPrimary) = (copy, 0);
        }

        _copiesOfPrimary += copy.Operation == EventOperation.Retract ? 0 : 1;
    }

    /// <summary>Once per id: an insert is the first of its event, a correction names the version before it.</summary>
    private void Stand(LoggedCopy copy)
    {
        bool known = _standing.TryGetValue(copy.Row.Id, out var before);
        if (copy.Operation == EventOperation.Insert && known)
        {
            throw new ViolationException($"record {copy.Sequence} inserts {copy.Row.Id} again: record {before.Record.Sequence} had it");
        }

        if (copy.Operation != EventOperation.Insert && copy.Previous != (known && before.Fields is not null ? before.Version : EventVersion.None))
        {
            throw new ViolationException($"record {copy.Sequence}, {copy.Operation} of {copy.Row.Id}, names {copy.Previous} and not the version before it, {before.Version}");
        }

        Corrections += copy.Operation == EventOperation.Insert ? 0 : 1;
        _standing[copy.Row.Id] = (new EventVersion(copy.Row.Time, copy.Sequence), copy.Operation == EventOperation.Delete ? null : copy.Row.Fields, copy);
    }

    /// <summary>The last event has a copy for every entity that it concerns.</summary>
    private void RequireWhole()
    {
        if (_primary is { Entity.Length: > 0 } primary && _copiesOfPrimary < World.EntitiesOf(primary.Row.Id.Stream, primary.Row.Fields).Count())
        {
            throw new ViolationException($"{primary.Row.Id} of record {primary.Sequence} has {_copiesOfPrimary} copies; some entity that it concerns lacks its own");
        }
    }

    private LoggedCopy Parse(long sequence, int partition, long offset, byte[] payload)
    {
        EventRecord record = EventRecord.Parse(payload);
        StreamPlan stream = world.Catalogs[1].Stream(record.StreamId)!;
        var fields = new Value[stream.Fields.Length];
        record.ReadFields(stream, [.. stream.Fields.Select(_ => true)], fields);
        var row = new Row(EventKey.Of(stream.Name, fields[stream.IdPosition]), fields, record.Time.Micros, record.Arrival.Micros, record.StreamTimeMicros);
        return new LoggedCopy(sequence, partition, offset, payload, record.Operation, record.Previous, record.IsPrimary, world.Catalogs[1].Entity(record.EntityTypeId)?.Name ?? "", Convert.ToHexString(record.Key), row);
    }

    private readonly struct Collect(List<(long, int, long, byte[])> records) : ILogVisitor
    {
        public bool Visit(LogRecord record)
        {
            records.Add((record.Sequence.Value, record.Partition.Value, record.Offset.Value, record.Payload.ToArray()));
            return true;
        }
    }
}
