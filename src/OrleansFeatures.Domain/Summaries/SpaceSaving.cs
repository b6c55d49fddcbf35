using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.Saving;

namespace OrleansFeatures.Domain.Summaries;

/// <summary>One value that a <see cref="SpaceSaving"/> holds: it came at most <paramref name="Count"/> times, and at least <paramref name="Count"/> - <paramref name="Error"/> times.</summary>
internal readonly record struct Frequency(Value Value, long Count, long Error);

/// <summary>
/// The most frequent values of one type, with counts. Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data
/// streams", ICDT 2005; merged as Agarwal, Cormode, Huang, Phillips, Wei, Yi, "Mergeable summaries", PODS 2012, section 3.
/// </summary>
/// <remarks>
/// <para>
/// With k counters over n values: while at most k values are distinct, every count is exact. Beyond, a new value takes over the counter of the rarest
/// and counts on from there. A count is then never too small, too great by at most n / k, and every value that came more than n / k times is held.
/// Merging keeps that: a value that only one side holds may have come <see cref="Floor"/> times on the other, so it is given them; of the union the k greatest stay.
/// </para>
/// <code>
///   key    [  k0  k1  k2 ... ]   the bits of a number, or the hash of a text
///   text   [  t0  t1  t2 ... ]   texts only
///   count  [  c0  c1  c2 ... ]
///   error  [  e0  e1  e2 ... ]   absent while exact
/// </code>
/// <para>
/// Among counters of equal count the greatest key gives way first, so the outcome does not depend on the layout. It does depend on the order in which values came
/// once more than k are distinct, within the bound.
/// </para>
/// </remarks>
internal sealed class SpaceSaving(FieldType type, int capacity)
{
    private const int CountersMin = 4;

    private long[] _keys = [];
    private string[]? _texts = type == FieldType.String ? [] : null;
    private long[] _counts = [];
    private long[]? _errors;
    private int _length;
    private long _textBytes;

    /// <summary>Values counted.</summary>
    public long Total { get; private set; }

    /// <summary>How often a value that is not held may have come: zero while every value is held.</summary>
    public long Floor { get; private set; }

    public bool IsExact => Floor == 0;

    /// <summary>Counters in use.</summary>
    public int Length => _length;

    /// <summary>Memory, in bytes, with the texts, although the entity's raw rows may share them.</summary>
    public long Bytes => ObjectBytes.Of(fields: 9) + ObjectBytes.Array(_keys.Length, sizeof(long)) + ObjectBytes.Array(_counts.Length, sizeof(long))
        + ObjectBytes.Array(_errors?.Length ?? 0, sizeof(long)) + ObjectBytes.Array(_texts?.Length ?? 0, IntPtr.Size) + _textBytes;

    public Frequency this[int counter] => new(ValueOf(counter), _counts[counter], ErrorOf(counter));

    /// <summary>Counts a value, and says in which counter, and whether that belonged to another before.</summary>
    public int Add(Value value, out bool tookOver)
    {
        value = ValueHash.Canonical(value);
        Total++;
        tookOver = false;
        long key = KeyOf(value);
        int counter = Find(key, TextOf(value));
        if (counter >= 0)
        {
            _counts[counter]++;
            return counter;
        }

        if (_length < capacity)
        {
            return Append(key, TextOf(value), count: 1, error: 0);
        }

        tookOver = true;
        counter = Rarest();
        Floor = _counts[counter];
        Replace(counter, key, TextOf(value), Floor + 1, Floor);
        return counter;
    }

    /// <summary>The counter of a value, or -1.</summary>
    public int Find(Value value)
    {
        value = ValueHash.Canonical(value);
        return Find(KeyOf(value), TextOf(value));
    }

    /// <summary>Takes in what another has counted. False where there was no room for all, and counters changed their owners; else the old counters stay, and new ones follow them.</summary>
    public bool Merge(SpaceSaving other)
    {
        Total += other.Total;
        long floor = Floor;
        Raise(other.Floor);
        Span<int> absent = stackalloc int[other._length];
        int absentCount = 0;
        for (int counter = 0; counter < other._length; counter++)
        {
            int mine = Find(other._keys[counter], other._texts?[counter]);
            if (mine < 0)
            {
                absent[absentCount++] = counter;
                continue;
            }

            // Raised by what the other side may have had; now it is known.
            _counts[mine] += other._counts[counter] - other.Floor;
            AddError(mine, other.ErrorOf(counter) - other.Floor);
        }

        absent = absent[..absentCount];
        bool hasRoom = _length + absentCount <= capacity;
        Floor = hasRoom ? floor + other.Floor : Crowd(other, absent, floor);
        foreach (int counter in absent)
        {
            if (counter >= 0 && _length < capacity)
            {
                Append(other._keys[counter], other._texts?[counter], other._counts[counter] + floor, other.ErrorOf(counter) + floor);
            }
            else if (counter >= 0)
            {
                // Only texts made to have one hash come here: as equals they all had leave to stay.
                Floor = Math.Max(Floor, other._counts[counter] + floor);
            }
        }

        return hasRoom;
    }

    /// <summary>All that are held, the most frequent first, equal counts in the order of the values.</summary>
    public Frequency[] Heaviest()
    {
        var frequencies = new Frequency[_length];
        for (int counter = 0; counter < _length; counter++)
        {
            frequencies[counter] = this[counter];
        }

        Array.Sort(frequencies, HeaviestFirst);
        return frequencies;
    }

    /// <summary>Length, total, floor, whether there are errors; then each value with its count, and with its error if so.</summary>
    public void Save(StateWriter to)
    {
        to.Packed((ulong)_length);
        to.Packed((ulong)Total);
        to.Packed((ulong)Floor);
        to.Flag(_errors is not null);
        for (int counter = 0; counter < _length; counter++)
        {
            SavedValues.Save(to, ValueOf(counter));
            to.Packed((ulong)_counts[counter]);
            if (_errors is not null)
            {
                to.Packed((ulong)_errors[counter]);
            }
        }
    }

    /// <summary>What was saved, of at least one value.</summary>
    public static SpaceSaving Load(ref StateReader from, FieldType type, int capacity)
    {
        var sketch = new SpaceSaving(type, capacity);
        int length = from.Fitting((int)from.PackedWithin(1, capacity), bytesEach: 2);
        sketch.Total = from.PackedWithin(length, Limits.SummedEventsMax);
        sketch.Floor = from.PackedWithin(0, sketch.Total);
        bool hasErrors = from.Flag();
        if (length < capacity && (hasErrors || sketch.Floor > 0))
        {
            throw new StateFormatException("counters are free, and values are not held");
        }

        sketch._errors = hasErrors ? new long[capacity] : null;
        long left = sketch.Total;
        for (int counter = 0; counter < length; counter++)
        {
            Value value = SavedValues.Value(ref from, type);
            long count = from.PackedWithin(1, sketch.Total);
            long error = hasErrors ? from.PackedWithin(0, count - 1) : 0;
            left -= count - error;
            if (left < 0 || sketch.Find(value) >= 0 || ValueHash.Canonical(value) != value)
            {
                throw new StateFormatException($"{value} is counted twice, or more often than all values together, or is a zero with a sign");
            }

            sketch.Append(sketch.KeyOf(value), sketch.TextOf(value), count, error);
        }

        return left == 0 || !sketch.IsExact ? sketch : throw new StateFormatException($"every value is held, and {left} of {sketch.Total} are not");
    }

    private static int HeaviestFirst(Frequency left, Frequency right)
    {
        int byCount = right.Count.CompareTo(left.Count);
        return byCount != 0 ? byCount : ValueOrder.Compare(left.Value, right.Value);
    }

    /// <summary>
    /// There is no room for all that the other side holds and this one does not: the greatest counts stay, of equal ones the least keys. Counters that fall give their place to those that
    /// come, which are then marked in <paramref name="absent"/> by -1, as are those that get none.
    /// </summary>
    /// <returns>The greatest count that fell: what a value that is not held may have come to.</returns>
    private long Crowd(SpaceSaving other, Span<int> absent, long floor)
    {
        int all = _length + absent.Length;
        Span<long> counts = stackalloc long[all];
        Span<long> keys = stackalloc long[all];
        _counts.AsSpan(0, _length).CopyTo(counts);
        _keys.AsSpan(0, _length).CopyTo(keys);
        for (int index = 0; index < absent.Length; index++)
        {
            counts[_length + index] = other._counts[absent[index]] + floor;
            keys[_length + index] = other._keys[absent[index]];
        }

        (long leastCount, long lastKey) = LeastThatStays(counts, keys);
        bool Stays(long count, long key) => count > leastCount || (count == leastCount && key <= lastKey);
        long fell = 0;
        int free = 0;
        for (int index = 0; index < absent.Length; index++)
        {
            if (!Stays(counts[_length + index], keys[_length + index]))
            {
                fell = Math.Max(fell, counts[_length + index]);
                absent[index] = -1;
                continue;
            }

            while (free < _length && Stays(counts[free], keys[free]))
            {
                free++;
            }

            if (free < _length)
            {
                fell = Math.Max(fell, _counts[free]);
                Replace(free++, other._keys[absent[index]], other._texts?[absent[index]], counts[_length + index], other.ErrorOf(absent[index]) + floor);
                absent[index] = -1;
            }
        }

        return fell;
    }

    /// <summary>As many as there are counters stay: the count of the last of them, and its key where several have that count.</summary>
    private (long Count, long Key) LeastThatStays(ReadOnlySpan<long> counts, ReadOnlySpan<long> keys)
    {
        Span<long> room = stackalloc long[counts.Length];
        counts.CopyTo(room);
        long least = Ranks.Select(room, counts.Length - capacity);
        int above = 0;
        int equal = 0;
        for (int index = 0; index < counts.Length; index++)
        {
            above += counts[index] > least ? 1 : 0;
            if (counts[index] == least)
            {
                room[equal++] = keys[index];
            }
        }

        return (least, Ranks.Select(room[..equal], capacity - above - 1));
    }

    private long KeyOf(Value value) => _texts is null ? value.Bits : (long)ValueHash.Of(value);

    private Value ValueOf(int counter) => _texts is null ? Value.FromBits(type, _keys[counter]) : Value.Of(_texts[counter]);

    private string? TextOf(Value value) => _texts is null ? null : value.Text;

    private long ErrorOf(int counter) => _errors?[counter] ?? 0;

    private int Find(long key, string? text)
    {
        for (int from = 0; from < _length;)
        {
            int at = _keys.AsSpan(from, _length - from).IndexOf(key);
            if (at < 0)
            {
                return -1;
            }

            if (_texts is null || _texts[from + at] == text)
            {
                return from + at;
            }

            from += at + 1;
        }

        return -1;
    }

    private int Append(long key, string? text, long count, long error)
    {
        if (_length == _keys.Length)
        {
            int size = Math.Min(Math.Max(_length * 2, CountersMin), capacity);
            Array.Resize(ref _keys, size);
            Array.Resize(ref _counts, size);
            if (_texts is not null)
            {
                Array.Resize(ref _texts, size);
            }
        }

        int counter = _length++;
        (_keys[counter], _counts[counter]) = (key, count);
        AddError(counter, error);
        if (text is not null)
        {
            _texts![counter] = text;
            _textBytes += ObjectBytes.Text(text);
        }

        return counter;
    }

    private void Replace(int counter, long key, string? text, long count, long error)
    {
        (_keys[counter], _counts[counter]) = (key, count);
        AddError(counter, error - ErrorOf(counter));
        if (text is not null)
        {
            _textBytes += ObjectBytes.Text(text) - ObjectBytes.Text(_texts![counter]);
            _texts[counter] = text;
        }
    }

    private void Raise(long floor)
    {
        for (int counter = 0; floor > 0 && counter < _length; counter++)
        {
            _counts[counter] += floor;
            AddError(counter, floor);
        }
    }

    private void AddError(int counter, long error)
    {
        if (error != 0)
        {
            _errors ??= new long[capacity];
            _errors[counter] += error;
        }
    }

    private int Rarest()
    {
        ReadOnlySpan<long> counts = _counts.AsSpan(0, _length);
        ReadOnlySpan<long> keys = _keys.AsSpan(0, _length);
        long least = Extremes.Least(counts);
        int rarest = counts.IndexOf(least);
        for (int counter = rarest + 1; counter < counts.Length; counter++)
        {
            rarest = counts[counter] == least && keys[counter] > keys[rarest] ? counter : rarest;
        }

        return rarest;
    }
}
