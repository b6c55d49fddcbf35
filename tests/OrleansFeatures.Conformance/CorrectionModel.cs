using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Conformance;

/// <summary>Inserts, upserts and deletes of a few events, drawn at random, and what a log of them must look like.</summary>
public static class CorrectionModel
{
    private const int Ids = 60;

    public static Push Draw(Random random, int ids = Ids)
    {
        long id = random.Next(ids);
        Push insert = Transactions.Insert(id, random.Next(3_600), $"c{random.Next(6)}", $"t{random.Next(4)}", random.Next(1, 40) / 4.0);
        return random.Next(4) switch
        {
            0 => Transactions.Delete(id),
            1 => insert,
            _ => insert with { Operation = EventOperation.Upsert },
        };
    }

    public static Value[]?[] FinalVersions(Catalog catalog, List<byte[]> records, string context) => FinalVersions(catalog, records, context, out _);

    /// <summary>Walks the log: every primary must name the version that stands before it. Returns what stands in the end.</summary>
    public static Value[]?[] FinalVersions(Catalog catalog, List<byte[]> records, string context, out Dictionary<long, bool> deleted)
    {
        StreamPlan stream = catalog.Stream("transactions")!;
        bool[] texts = [.. stream.Fields.Select(_ => true)];
        var standing = new Dictionary<long, (EventVersion Version, Value[]? Fields)>();
        for (int sequence = 0; sequence < records.Count; sequence++)
        {
            EventRecord record = EventRecord.Parse(records[sequence]);
            if (!record.IsPrimary)
            {
                continue;
            }

            bool known = standing.TryGetValue(record.IdNumber, out (EventVersion Version, Value[]? Fields) before);
            if (record.Operation == EventOperation.Insert)
            {
                known.ShouldBeFalse($"{context}: record {sequence} inserts event {record.IdNumber} again");
            }
            else
            {
                record.Previous.ShouldBe(before.Fields is null ? EventVersion.None : before.Version, $"{context}: record {sequence}, {record.Operation} of event {record.IdNumber}");
            }

            var fields = new Value[stream.Fields.Length];
            record.ReadFields(stream, texts, fields);
            standing[record.IdNumber] = (new EventVersion(record.Time.Micros, sequence), record.Operation == EventOperation.Delete ? null : fields);
        }

        deleted = standing.ToDictionary(entry => entry.Key, entry => entry.Value.Fields is null);
        return [.. standing.Values.Select(version => version.Fields)];
    }

    /// <summary>Live and from history, at instants within the events' hour and at its end.</summary>
    public static async Task CheckAsync(ConformanceStore store, TransactionOracle oracle, string context)
    {
        foreach (bool history in (bool[])[false, true])
        {
            await oracle.CheckAsync(store.Host, [600, 1_800, 3_600], context, history);
        }
    }

    /// <summary>The same of events as they are in the end.</summary>
    public static Task CheckAsync(ConformanceStore store, IEnumerable<Value[]?> versions, string context)
    {
        var oracle = new TransactionOracle();
        oracle.Apply(store.Host.Catalog, [.. versions.OfType<Value[]>().Select(fields => new Push(fields))]);
        return CheckAsync(store, oracle, context);
    }
}
