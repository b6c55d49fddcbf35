using OrleansFeatures.Simulation.Workload;

namespace OrleansFeatures.Simulation.Checking;

/// <summary>
/// What a feature is worth, said as simply as possible: of all versions of all events of an entity take those that were known at <c>knownAt</c>, came in time and pass the view's filter; of
/// these the ones in the window; of these the field; and compute.
/// </summary>
internal static class Oracle
{
    /// <summary>Null, a long, a double, a Value or a Value[].</summary>
    public static object? Read(SimulatedView view, SimulatedFeature feature, IEnumerable<Row> versions, long asOf, long knownAt)
    {
        long through = asOf - feature.Delay.Micros;
        List<Row> known =
        [
            .. versions
                .Where(row => row.Id.Stream == view.Stream && row.Arrival <= knownAt && !(knownAt >= row.Until))
                .Where(row => CameInTime(row, view) && view.Counts(row.Fields) && row.Time <= through)
                .OrderBy(row => row.Time).ThenBy(row => row.Id),
        ];
        IEnumerable<Value> values = InWindow(feature.Window, known, through).Select(row => feature.Field < 0 ? Value.Of(row.Time) : row.Fields[feature.Field]);
        return Compute(feature, [.. values.Where(value => !value.IsNull)]);
    }

    /// <summary>Whether the newest event of the view's stream, of those that the entity knew of and that came in time, is older than the view's ttl. No event is no old event.</summary>
    public static bool HasExpired(SimulatedView view, IEnumerable<Row> versions, long asOf, long knownAt)
    {
        long[] times = [.. versions.Where(row => row.Id.Stream == view.Stream && row.Arrival <= knownAt && !(knownAt >= row.Until) && CameInTime(row, view) && row.Time <= asOf).Select(row => row.Time)];
        return view.Ttl is { } ttl && times.Length > 0 && times.Max() < asOf - ttl.Micros;
    }

    public static bool CameInTime(Row row, SimulatedView view) =>
        view.AllowedLateness is not { } allowed || row.StreamTime == EventRecord.NoStreamTime || row.StreamTime - row.Time <= allowed.Micros;

    private static IEnumerable<Row> InWindow(WindowDefinition window, List<Row> known, long through) => window.Kind switch
    {
        WindowKind.Sliding => known.Where(row => row.Time > through - window.Width.Micros),
        WindowKind.Tumbling => known.Where(row => row.Time >= through - (through % window.Width.Micros)),
        WindowKind.Session => Session(known.Where(row => row.Time > through - window.Width.Micros), through, window.Gap.Micros),
        WindowKind.Count => known.TakeLast(window.Events),
        _ => known,
    };

    /// <summary>Back from the end, as long as no pause is longer than the gap.</summary>
    private static IEnumerable<Row> Session(IEnumerable<Row> known, long through, long gap)
    {
        var session = new List<Row>();
        foreach (Row row in known.Reverse())
        {
            if (through - row.Time > gap)
            {
                break;
            }

            session.Add(row);
            through = row.Time;
        }

        session.Reverse();
        return session;
    }

    /// <summary>Amounts are quarters and small, so sums of them are exact in any order.</summary>
    private static object? Compute(SimulatedFeature feature, Value[] values) => feature.Kind switch
    {
        "count" => (long)values.Length,
        "distinct_count" => (long)values.Distinct().Count(),
        _ when values.Length == 0 => null,
        "sum" when values[0].Type == FieldType.Int64 => values.Sum(value => value.Int64),
        "sum" => values.Sum(value => value.Double),
        "mean" => values.Sum(value => value.Double) / values.Length,
        "min" => values.MinBy(Number),
        "max" => values.MaxBy(Number),
        "first" => values[0],
        "last" => values[^1],
        "last_n" => values.Reverse().Take(feature.N).ToArray(),
        _ => throw new InvalidOperationException($"the oracle does not know {feature.Kind}"),
    };

    private static double Number(Value value) => value.Type == FieldType.Double ? value.Double : value.Int64;
}
