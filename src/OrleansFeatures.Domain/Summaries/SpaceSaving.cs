using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;

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
/// Among counters of equal count the greatest value gives way first, so the outcome does not depend on the layout. It does depend on the order in which values came
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

    public Frequency this[int counter] => new(ValueOf(counter), _counts[counter], _errors?[counter] ?? 0);

    /// <summary>Counts a value, and says in which counter, and whether that belonged to another before.</summary>
    public int Add(Value value, out bool tookOver)
    {
        value = ValueHash.Canonical(value);
        Total++;
        tookOver = false;
        long key = KeyOf(value);
        int counter = Find(key, value);
        if (counter >= 0)
        {
            _counts[counter]++;
            return counter;
        }

        if (_length < capacity)
        {
            return Append(key, value, count: 1, error: 0);
        }

        tookOver = true;
        counter = Rarest();
        Floor = _counts[counter];
        _errors ??= new long[capacity];
        _errors[counter] = Floor;
        _counts[counter] = Floor + 1;
        _textBytes -= ObjectBytes.Text(_texts?[counter]);
        Put(counter, key, value);
        return counter;
    }

    /// <summary>The counter of a value, or -1.</summary>
    public int Find(Value value)
    {
        value = ValueHash.Canonical(value);
        return Find(KeyOf(value), value);
    }

    public void Merge(SpaceSaving other)
    {
        List<Frequency> union = Union(other);
        long floor = Floor + other.Floor;
        Total += other.Total;
        if (union.Count > capacity)
        {
            union.Sort(HeaviestFirst);
            floor = union[capacity].Count;
            union.RemoveRange(capacity, union.Count - capacity);
        }

        (_length, _textBytes, Floor) = (0, 0, floor);
        _errors = null;
        foreach (Frequency frequency in union)
        {
            Append(KeyOf(frequency.Value), frequency.Value, frequency.Count, frequency.Error);
        }
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

    private static int HeaviestFirst(Frequency left, Frequency right)
    {
        int byCount = right.Count.CompareTo(left.Count);
        return byCount != 0 ? byCount : ValueOrder.Compare(left.Value, right.Value);
    }

    private List<Frequency> Union(SpaceSaving other)
    {
        var union = new List<Frequency>(_length + other._length);
        for (int counter = 0; counter < _length; counter++)
        {
            Frequency mine = this[counter];
            int theirs = other.Find(_keys[counter], mine.Value);
            union.Add(theirs < 0
                ? mine with { Count = mine.Count + other.Floor, Error = mine.Error + other.Floor }
                : mine with { Count = mine.Count + other._counts[theirs], Error = mine.Error + other[theirs].Error });
        }

        for (int counter = 0; counter < other._length; counter++)
        {
            Frequency theirs = other[counter];
            if (Find(other._keys[counter], theirs.Value) < 0)
            {
                union.Add(theirs with { Count = theirs.Count + Floor, Error = theirs.Error + Floor });
            }
        }

        return union;
    }

    private long KeyOf(Value value) => _texts is null ? value.Bits : (long)ValueHash.Of(value);

    private Value ValueOf(int counter) => _texts is null ? Value.FromBits(type, _keys[counter]) : Value.Of(_texts[counter]);

    private int Find(long key, Value value)
    {
        for (int from = 0; from < _length;)
        {
            int at = _keys.AsSpan(from, _length - from).IndexOf(key);
            if (at < 0)
            {
                return -1;
            }

            if (_texts is null || _texts[from + at] == value.Text)
            {
                return from + at;
            }

            from += at + 1;
        }

        return -1;
    }

    private int Append(long key, Value value, long count, long error)
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
        _counts[counter] = count;
        Put(counter, key, value);
        if (error > 0)
        {
            _errors ??= new long[capacity];
            _errors[counter] = error;
        }

        return counter;
    }

    private void Put(int counter, long key, Value value)
    {
        _keys[counter] = key;
        if (_texts is not null)
        {
            _texts[counter] = value.Text;
            _textBytes += ObjectBytes.Text(value.Text);
        }
    }

    private int Rarest()
    {
        ReadOnlySpan<long> counts = _counts.AsSpan(0, _length);
        long least = Extremes.Least(counts);
        int rarest = counts.IndexOf(least);
        for (int step, counter = rarest + 1; (step = counts[counter..].IndexOf(least)) >= 0; counter++)
        {
            counter += step;
            rarest = ValueOrder.Compare(ValueOf(counter), ValueOf(rarest)) > 0 ? counter : rarest;
        }

        return rarest;
    }
}
