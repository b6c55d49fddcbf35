namespace OrleansFeatures.Domain.Windows;

/// <summary>
/// Up to <see cref="Limits.ChunkRowsMax"/> events of one entity, sorted by (event time, event id), column after column in one array:
/// <code>
///   numbers: [ time × capacity | flags × capacity | id × capacity (numeric ids) | column × capacity | ... ]
///   texts:   [ id × capacity (text ids) | column × capacity | ... ]
/// </code>
/// A column of consecutive rows is one span, which is what an aggregate wants; inserting a late row shifts at most a chunk. It starts
/// small and doubles, because most entities are sparse.
/// </summary>
internal sealed class Chunk
{
    public const int TimeSlot = 0;
    public const int FlagsSlot = 1;
    public const int NumericIdSlot = 2;
    public const int TextIdSlot = 0;
    private const int FirstCapacity = 4;

    private readonly int _numberSlots;
    private readonly int _textSlots;
    private int _capacity;
    private long[] _numbers;
    private string?[] _texts;

    public Chunk(int numberSlots, int textSlots, int capacity = FirstCapacity)
    {
        _numberSlots = numberSlots;
        _textSlots = textSlots;
        _capacity = capacity;
        _numbers = new long[numberSlots * capacity];
        _texts = textSlots == 0 ? [] : new string?[textSlots * capacity];
    }

    public int Count { get; private set; }

    public bool IsFull => Count == Limits.ChunkRowsMax;

    public long FirstTime => _numbers[0];

    public long LastTime => _numbers[Count - 1];

    public ReadOnlySpan<long> Times => _numbers.AsSpan(0, Count);

    public ReadOnlySpan<long> Numbers(int slot, int from, int to) => _numbers.AsSpan((slot * _capacity) + from, to - from);

    public ReadOnlySpan<string?> Texts(int slot, int from, int to) => _texts.AsSpan((slot * _capacity) + from, to - from);

    /// <summary>Where a row of this time and id stands or would stand; negative complement of the place where it is absent.</summary>
    public int Search(in RowView row)
    {
        int low = 0;
        int high = Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = row.CompareTo(this, middle);
            if (order == 0)
            {
                return middle;
            }

            (low, high) = order > 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return ~low;
    }

    /// <summary>How many rows have a time at or before <paramref name="time"/>.</summary>
    public int CountThrough(long time)
    {
        int low = 0;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = _numbers[middle] <= time ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    public void Insert(int at, in RowView row)
    {
        InvariantException.Require(!IsFull, "a row was inserted into a full chunk");
        if (Count == _capacity)
        {
            Grow();
        }

        for (int slot = 0; slot < _numberSlots; slot++)
        {
            Shift(_numbers.AsSpan(slot * _capacity, _capacity), at);
            _numbers[(slot * _capacity) + at] = row.Numbers[slot];
        }

        for (int slot = 0; slot < _textSlots; slot++)
        {
            Shift(_texts.AsSpan(slot * _capacity, _capacity), at);
            _texts[(slot * _capacity) + at] = row.Texts[slot];
        }

        Count++;
    }

    /// <summary>Keeps the older half and returns the newer half.</summary>
    public Chunk SplitNewerHalf()
    {
        int keep = Count / 2;
        int moved = Count - keep;
        var newer = new Chunk(_numberSlots, _textSlots, Limits.ChunkRowsMax);
        for (int slot = 0; slot < _numberSlots; slot++)
        {
            Numbers(slot, keep, Count).CopyTo(newer._numbers.AsSpan(slot * newer._capacity));
        }

        for (int slot = 0; slot < _textSlots; slot++)
        {
            Texts(slot, keep, Count).CopyTo(newer._texts.AsSpan(slot * newer._capacity));
            _texts.AsSpan((slot * _capacity) + keep, moved).Clear();
        }

        newer.Count = moved;
        Count = keep;
        return newer;
    }

    private void Shift<T>(Span<T> column, int at) => column[at..Count].CopyTo(column[(at + 1)..]);

    private void Grow()
    {
        int capacity = Math.Min(_capacity * 2, Limits.ChunkRowsMax);
        _numbers = Regrow(_numbers, _numberSlots, capacity);
        _texts = Regrow(_texts, _textSlots, capacity);
        _capacity = capacity;
    }

    private T[] Regrow<T>(T[] columns, int slots, int capacity)
    {
        if (slots == 0)
        {
            return columns;
        }

        var grown = new T[slots * capacity];
        for (int slot = 0; slot < slots; slot++)
        {
            columns.AsSpan(slot * _capacity, Count).CopyTo(grown.AsSpan(slot * capacity));
        }

        return grown;
    }
}

/// <summary>One row on its way into a chunk: its slots side by side.</summary>
internal readonly ref struct RowView(ReadOnlySpan<long> numbers, ReadOnlySpan<string?> texts, bool hasTextId)
{
    public ReadOnlySpan<long> Numbers { get; } = numbers;

    public ReadOnlySpan<string?> Texts { get; } = texts;

    public long Time => Numbers[Chunk.TimeSlot];

    /// <summary>The order of (event time, event id): positive when this row comes after the chunk's.</summary>
    public int CompareTo(Chunk chunk, int at)
    {
        int byTime = Time.CompareTo(chunk.Times[at]);
        if (byTime != 0)
        {
            return byTime;
        }

        return hasTextId
            ? Events.Utf8Order.Compare(Texts[Chunk.TextIdSlot], chunk.Texts(Chunk.TextIdSlot, at, at + 1)[0])
            : Numbers[Chunk.NumericIdSlot].CompareTo(chunk.Numbers(Chunk.NumericIdSlot, at, at + 1)[0]);
    }
}
