using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// The different values of one column in one window, and how often each occurs. A value's group is numbered in the order of first occurrence, so the groups are a function of
/// the rows alone; a hash table with linear probing, at most half full, finds a value's group.
/// <code>
///   values       30 10 30 20 30        groups   0: 30 ×3   1: 10 ×1   2: 20 ×1        group of row   0 1 0 2 0
/// </code>
/// Its arrays are reused from window to window. One thread at a time.
/// </summary>
internal sealed class ValueGroups
{
    private const int SlotsMin = 64;
    private const long NegativeZero = long.MinValue;

    /// <summary>By hash: a group's number plus one, or zero.</summary>
    private int[] _slots = new int[SlotsMin];
    private long[] _codes = new long[SlotsMin / 2];
    private int[] _occurrences = new int[SlotsMin / 2];
    private int[] _groupOfRow = [];
    private int _slotCount;
    private int _rows;

    public int Count { get; private set; }

    /// <summary>By group; of doubles, never -0.0.</summary>
    public ReadOnlySpan<long> Codes => _codes.AsSpan(0, Count);

    /// <summary>By group.</summary>
    public ReadOnlySpan<int> Occurrences => _occurrences.AsSpan(0, Count);

    public ReadOnlySpan<int> GroupOfRow => _groupOfRow.AsSpan(0, _rows);

    public void Fill(FieldType type, ReadOnlySpan<long> codes)
    {
        Count = 0;
        _rows = codes.Length;
        _slotCount = SlotsMin;
        _slots.AsSpan(0, _slotCount).Clear();
        if (_groupOfRow.Length < codes.Length)
        {
            _groupOfRow = new int[Math.Max(codes.Length, _groupOfRow.Length * 2)];
        }

        for (int row = 0; row < codes.Length; row++)
        {
            // -0.0 equals 0.0 and has other bits.
            long code = type == FieldType.Double && codes[row] == NegativeZero ? 0 : codes[row];
            int group = GroupOf(code);
            _occurrences[group]++;
            _groupOfRow[row] = group;
        }
    }

    private int GroupOf(long code)
    {
        int slot = SlotOf(code);
        if (_slots[slot] != 0)
        {
            return _slots[slot] - 1;
        }

        if (2 * (Count + 1) > _slotCount)
        {
            Grow();
            slot = SlotOf(code);
        }

        _codes[Count] = code;
        _occurrences[Count] = 0;
        _slots[slot] = ++Count;
        return Count - 1;
    }

    /// <summary>The slot of the code's group, or the free slot where it belongs.</summary>
    private int SlotOf(long code)
    {
        int mask = _slotCount - 1;
        int slot = (int)StableHash.Mix((ulong)code) & mask;
        while (_slots[slot] != 0 && _codes[_slots[slot] - 1] != code)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }

    private void Grow()
    {
        _slotCount *= 2;
        if (_slots.Length < _slotCount)
        {
            _slots = new int[_slotCount];
            Array.Resize(ref _codes, _slotCount / 2);
            Array.Resize(ref _occurrences, _slotCount / 2);
        }

        _slots.AsSpan(0, _slotCount).Clear();
        for (int group = 0; group < Count; group++)
        {
            _slots[SlotOf(_codes[group])] = group + 1;
        }
    }
}
