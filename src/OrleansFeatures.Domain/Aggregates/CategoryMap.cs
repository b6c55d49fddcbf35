using OrleansFeatures.Domain.Events;
using OrleansFeatures.Domain.State;
using OrleansFeatures.Domain.Windows;

namespace OrleansFeatures.Domain.Aggregates;

/// <summary>
/// An aggregate for each category of a <c>by</c>. The rows are dealt out by category, each category's in their old order, and the aggregate is computed of each run:
/// <code>
///   category  b a b c b        bits  1 2 3 4 5        grouped  1 3 5 | 2 | 4        ends  3 4 5        map  a: 2, b: 9, c: 4  (a sum)
/// </code>
/// </summary>
internal static class CategoryMap
{
    /// <summary>
    /// The map as a list in which keys and values alternate, in ascending order of the keys; null where it would be empty. A category whose aggregate is null is left out. Of more
    /// than <see cref="Limits.CategoriesMax"/> categories those with the most rows are kept (of equally many, the smaller keys), and the map is Approximate. Where one category's value
    /// cannot be represented, the whole map is Invalid: left out, it would read as a category without events.
    /// </summary>
    /// <param name="call">An aggregate of one value.</param>
    /// <param name="type">The type of the values.</param>
    /// <param name="bits">The values, as <see cref="ColumnValues"/> takes them: rows that are null in value or category left out.</param>
    /// <param name="times">Their event times; empty will do for a call that <see cref="AggregateCall.NeedsTimes">needs no times</see>; the other field's values for one that chooses events by it.</param>
    /// <param name="categoryType">The type of the categories.</param>
    /// <param name="categories">The rows' categories.</param>
    /// <param name="span">The window.</param>
    /// <param name="texts">The texts of both columns.</param>
    /// <param name="scratch">Must not be the owner of spans other than its gathering rooms.</param>
    /// <param name="rankType">The type of the field that events are chosen by.</param>
    public static FeatureValue Compute(
        AggregateCall call,
        FieldType type,
        ReadOnlySpan<long> bits,
        ReadOnlySpan<long> times,
        FieldType categoryType,
        ReadOnlySpan<long> categories,
        WindowSpan span,
        ITextCodes texts,
        WindowScratch scratch,
        FieldType rankType = FieldType.Null)
    {
        bool needsTimes = call.NeedsTimes || call.IsRanked;
        ValueGroups groups = scratch.CategoryGroups;
        groups.Fill(categoryType, categories);
        var order = new CodeOrder(categoryType, texts);
        Span<int> kept = stackalloc int[Math.Min(groups.Count, Limits.CategoriesMax)];
        Choose(groups, order, kept);
        Rows rows = Deal(groups, bits, needsTimes ? times : default, scratch);
        var map = new Value[2 * kept.Length];
        int filled = 0;
        foreach (int group in kept)
        {
            (int from, int to) = rows.Of(group);
            FeatureValue value = new ColumnValues(type, rows.Bits[from..to], needsTimes ? rows.Times[from..to] : default, span, texts, scratch, rankType).Compute(call);
            if (value.Status == FeatureStatus.Invalid)
            {
                return FeatureValue.Invalid;
            }

            if (value.HasValue)
            {
                map[filled++] = order.ValueOf(groups.Codes[group]);
                map[filled++] = value.Scalar;
            }
        }

        FeatureStatus status = groups.Count > kept.Length ? FeatureStatus.Approximate : FeatureStatus.Present;
        return filled == 0 ? FeatureValue.Null : new FeatureValue(status, Value.Null, map[..filled]);
    }

    /// <summary>All groups, or the most frequent ones, in ascending order.</summary>
    private static void Choose(ValueGroups groups, CodeOrder order, Span<int> kept)
    {
        if (groups.Count > kept.Length)
        {
            order.MostFrequent(groups, kept);
        }
        else
        {
            for (int group = 0; group < kept.Length; group++)
            {
                kept[group] = group;
            }
        }

        Span<long> keys = stackalloc long[kept.Length];
        for (int rank = 0; rank < kept.Length; rank++)
        {
            keys[rank] = groups.Codes[kept[rank]];
        }

        keys.Sort(kept, order);
    }

    /// <summary>A stable counting sort of the rows by group.</summary>
    private static Rows Deal(ValueGroups groups, ReadOnlySpan<long> bits, ReadOnlySpan<long> times, WindowScratch scratch)
    {
        Span<int> next = scratch.GroupEnds(groups.Count);
        int start = 0;
        for (int group = 0; group < groups.Count; group++)
        {
            next[group] = start;
            start += groups.Occurrences[group];
        }

        Span<long> groupedBits = scratch.GroupedNumbers(bits.Length);
        Span<long> groupedTimes = scratch.GroupedTimes(times.Length);
        ReadOnlySpan<int> groupOfRow = groups.GroupOfRow;
        for (int row = 0; row < bits.Length; row++)
        {
            int at = next[groupOfRow[row]]++;
            groupedBits[at] = bits[row];
            if (!times.IsEmpty)
            {
                groupedTimes[at] = times[row];
            }
        }

        return new Rows(groupedBits, groupedTimes, next, groups);
    }

    private readonly ref struct Rows(ReadOnlySpan<long> bits, ReadOnlySpan<long> times, ReadOnlySpan<int> ends, ValueGroups groups)
    {
        private readonly ReadOnlySpan<int> _ends = ends;

        public ReadOnlySpan<long> Bits { get; } = bits;

        public ReadOnlySpan<long> Times { get; } = times;

        public (int From, int To) Of(int group) => (_ends[group] - groups.Occurrences[group], _ends[group]);
    }
}
