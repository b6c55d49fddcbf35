namespace OrleansFeatures.Entities.Partitions;

/// <summary>The order in which records of many partitions are applied: by partition, and as they came within each. A counting sort: two passes.</summary>
internal static class PartitionOrder
{
    /// <summary>Fills <paramref name="order"/> with the indices of <paramref name="partitions"/>. <paramref name="next"/> is room for one number more than there are partitions.</summary>
    public static void Fill(ReadOnlySpan<int> partitions, Span<int> next, Span<int> order)
    {
        next.Clear();
        foreach (int partition in partitions)
        {
            next[partition + 1]++;
        }

        for (int partition = 1; partition < next.Length; partition++)
        {
            next[partition] += next[partition - 1];
        }

        for (int index = 0; index < partitions.Length; index++)
        {
            order[next[partitions[index]]++] = index;
        }
    }
}
