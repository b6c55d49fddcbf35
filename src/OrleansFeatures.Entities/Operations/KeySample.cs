using OrleansFeatures.Domain;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Log;

namespace OrleansFeatures.Entities.Operations;

/// <summary>
/// Draws entities evenly from all that the log names, in one pass and in memory of the sample's size: every entity has a number, its key's hash under the seed, and those with the
/// smallest numbers are the sample. An entity in it is so from its first record on, because the bound only falls; so its records are counted completely.
/// <code>
///   0 ────────────x──x─────x──x─| bound            2^64        x: an entity of the sample, by its number
/// </code>
/// What is chosen is thus a range of numbers, and all entities are the whole range: <see cref="NumberRange"/>.
/// </summary>
internal struct KeySample(EntityPlan? entityType, int size, ulong seed) : ILogVisitor
{
    private readonly Dictionary<ulong, long> _records = [];
    private readonly PriorityQueue<ulong, ulong> _largestFirst = new(Comparer<ulong>.Create((left, right) => right.CompareTo(left)));
    private readonly uint? _type = entityType?.Id;

    /// <summary>Called with every so many records.</summary>
    public Action? Tick { get; init; }

    private int _sinceTick = 0;

    /// <summary>An entity's number. Both editions, every run: a function of seed, type and key.</summary>
    public static ulong NumberOf(uint entityTypeId, ReadOnlySpan<byte> key, ulong seed) => StableHash.Of(key, StableHash.Mix(seed) ^ entityTypeId);

    public bool Visit(LogRecord logged)
    {
        EventRecord record = EventRecord.Parse(logged.Payload);
        if (record.EntityTypeId != EventRecord.NoEntity && (_type is null || _type == record.EntityTypeId))
        {
            Count(NumberOf(record.EntityTypeId, record.Key, seed));
        }

        if (++_sinceTick == Limits.ReconcileRecordsPerReport)
        {
            _sinceTick = 0;
            Tick?.Invoke();
        }

        return true;
    }

    /// <summary>The sample in ranges that hold at most so many records each, unless one entity alone has more.</summary>
    public readonly List<NumberRange> Ranges(long recordsMax)
    {
        var ranges = new List<NumberRange>();
        ulong first = 0;
        long records = 0;
        ulong last = 0;
        foreach ((ulong number, long count) in _records.OrderBy(pair => pair.Key))
        {
            if (records > 0 && records + count > recordsMax)
            {
                ranges.Add(new NumberRange(first, last));
                (first, records) = (number, 0);
            }

            records += count;
            last = number;
        }

        if (records > 0)
        {
            ranges.Add(new NumberRange(first, last));
        }

        return ranges;
    }

    private void Count(ulong number)
    {
        if (_records.TryGetValue(number, out long count))
        {
            _records[number] = count + 1;
        }
        else if (_records.Count < size)
        {
            Add(number);
        }
        else if (number < _largestFirst.Peek())
        {
            _records.Remove(_largestFirst.Dequeue());
            Add(number);
        }
    }

    private readonly void Add(ulong number)
    {
        _records.Add(number, 1);
        _largestFirst.Enqueue(number, number);
    }
}

/// <summary>Entities by their numbers, both ends included.</summary>
internal readonly record struct NumberRange(ulong First, ulong Last)
{
    public bool Contains(ulong number) => number >= First && number <= Last;

    /// <summary>All entities, in so many parts of about the same size.</summary>
    public static List<NumberRange> All(int parts)
    {
        ulong width = (ulong)((UInt128.One << 64) / (UInt128)parts - 1);
        return [.. Enumerable.Range(0, parts).Select(part => new NumberRange((ulong)part * (width + 1), part == parts - 1 ? ulong.MaxValue : ((ulong)part * (width + 1)) + width))];
    }
}
