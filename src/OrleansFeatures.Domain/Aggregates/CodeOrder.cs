using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>The order of one column's values, given as the eight bytes that the column stores of them.</summary>
internal readonly struct CodeOrder(FieldType type, ITextCodes texts) : IComparer<long>
{
    public int Compare(long left, long right) => type switch
    {
        FieldType.Double => BitConverter.Int64BitsToDouble(left).CompareTo(BitConverter.Int64BitsToDouble(right)),
        FieldType.String => texts.Compare(left, right),
        _ => left.CompareTo(right),
    };

    public Value ValueOf(long code) => type == FieldType.String ? Value.Of(texts.Text(code)) : Value.FromBits(type, code);

    /// <summary>
    /// Chooses the values that occur most often: most frequent first, equally frequent ones in ascending order. One pass with an ordered list of the best so far, which most
    /// values never enter.
    /// </summary>
    /// <returns>How many were chosen: as many as <paramref name="chosen"/> has room for, or as there are.</returns>
    public int MostFrequent(ValueGroups groups, Span<int> chosen)
    {
        int count = 0;
        for (int group = 0; group < groups.Count; group++)
        {
            if (count == chosen.Length && !IsBefore(groups, group, chosen[count - 1]))
            {
                continue;
            }

            int at = PlaceFor(groups, group, chosen[..count]);
            count = Math.Min(count + 1, chosen.Length);
            chosen[at..(count - 1)].CopyTo(chosen[(at + 1)..]);
            chosen[at] = group;
        }

        return count;
    }

    /// <summary>
    /// Chooses the rows with the greatest or the least codes, those first; of equal ones the first rows come first. One pass with an ordered list of the best so far, which most rows never
    /// enter. There must be as many rows as <paramref name="chosen"/> has room for, or more.
    /// </summary>
    public void Extremes(ReadOnlySpan<long> codes, bool greatest, Span<int> chosen)
    {
        int count = 0;
        for (int row = 0; row < codes.Length; row++)
        {
            if (count == chosen.Length && !IsBetter(codes, row, chosen[count - 1], greatest))
            {
                continue;
            }

            // A later row stands behind its equals, so the search is for the first that it is better than.
            int low = 0;
            int high = count;
            while (low < high)
            {
                int middle = (low + high) >>> 1;
                (low, high) = IsBetter(codes, row, chosen[middle], greatest) ? (low, middle) : (middle + 1, high);
            }

            count = Math.Min(count + 1, chosen.Length);
            chosen[low..(count - 1)].CopyTo(chosen[(low + 1)..]);
            chosen[low] = row;
        }
    }

    private bool IsBetter(ReadOnlySpan<long> codes, int row, int than, bool greatest)
    {
        int order = Compare(codes[row], codes[than]);
        return greatest ? order > 0 : order < 0;
    }

    private int PlaceFor(ValueGroups groups, int group, ReadOnlySpan<int> chosen)
    {
        int low = 0;
        int high = chosen.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = IsBefore(groups, group, chosen[middle]) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private bool IsBefore(ValueGroups groups, int left, int right)
    {
        int byCount = groups.Occurrences[right].CompareTo(groups.Occurrences[left]);
        return (byCount != 0 ? byCount : Compare(groups.Codes[left], groups.Codes[right])) < 0;
    }
}
