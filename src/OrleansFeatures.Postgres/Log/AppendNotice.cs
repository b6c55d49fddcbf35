using System.Globalization;
using OrleansFeatures.Log;

namespace OrleansFeatures.Postgres.Log;

/// <summary>What an append tells every silo as it commits: <c>last-sequence partition last-offset partition last-offset ...</c>; of one that touches too many partitions for a notification only the sequence.</summary>
internal static class AppendNotice
{
    public static string Write(long lastSequence, List<PartitionBatch> touched)
    {
        string sequence = lastSequence.ToString(CultureInfo.InvariantCulture);
        string all = string.Join(' ', [sequence, .. touched.SelectMany(batch => (string[])[batch.Partition.ToString(), batch.Last.ToString()])]);
        return all.Length <= Limits.NotifyBytesMax ? all : sequence;
    }

    /// <summary>False if it does not say how far the partitions have come.</summary>
    public static bool TryRead(string notice, int partitionCount, out LogSequence last, out List<(int Partition, long Last)> ends)
    {
        string[] words = notice.Split(' ');
        last = LogSequence.None;
        ends = [];
        if (words.Length < 3 || words.Length % 2 == 0 || !long.TryParse(words[0], CultureInfo.InvariantCulture, out long sequence))
        {
            return false;
        }

        last = new LogSequence(sequence);
        for (int at = 1; at < words.Length; at += 2)
        {
            if (!int.TryParse(words[at], CultureInfo.InvariantCulture, out int partition) || (uint)partition >= (uint)partitionCount || !long.TryParse(words[at + 1], CultureInfo.InvariantCulture, out long end))
            {
                return false;
            }

            ends.Add((partition, end));
        }

        return true;
    }
}
