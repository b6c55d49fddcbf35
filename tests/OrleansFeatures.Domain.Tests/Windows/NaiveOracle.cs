using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Definitions;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>One version of an event, as the oracle keeps it: known from its arrival until a correction of it arrived.</summary>
internal sealed record NaiveEvent(long Time, EventId Id, IReadOnlyDictionary<string, Value> Fields)
{
    public string Key { get; init; } = "";

    public long Arrival { get; init; }

    /// <summary>When its correction arrived; null: it stands.</summary>
    public long? Until { get; set; }

    /// <summary>How far stream time was ahead of it when it came.</summary>
    public long Lateness { get; init; }
}

/// <summary>
/// The definition of correct: keep everything, at a read look at everything. A feature read at T with delay d covers, of the versions known then, those of its window at T - d:
/// sliding T - d - w &lt; time, tumbling those since the window's start, session those without a pause longer than the gap and not longer ago than max, count the
/// last N, lifetime all; always time &lt;= T - d, ordered by (time, id).
/// </summary>
internal sealed partial class NaiveOracle
{
    private readonly Dictionary<EventId, NaiveEvent> _standing = [];
    private readonly List<NaiveEvent> _versions = [];

    public IReadOnlyList<NaiveEvent> Versions => _versions;

    /// <summary>An insert: the first of an id counts.</summary>
    public void Add(long time, EventId id, Value value) => Insert(new NaiveEvent(time, id, new Dictionary<string, Value> { ["value"] = value }));

    public void Insert(NaiveEvent version)
    {
        if (_standing.TryAdd(version.Id, version))
        {
            _versions.Add(version);
        }
    }

    public void Upsert(NaiveEvent version)
    {
        Delete(version.Id, version.Arrival);
        _standing[version.Id] = version;
        _versions.Add(version);
    }

    /// <summary>The id stays taken: an insert of it is a duplicate.</summary>
    public void Delete(EventId id, long arrival)
    {
        if (_standing.TryGetValue(id, out NaiveEvent? standing))
        {
            standing.Until ??= arrival;
        }
    }

    public object? Read(AggregateCall call, long asOf, long width, long delay, Func<Value, bool>? where = null) =>
        Read(call, WindowDefinition.Sliding(new Duration(width)), asOf, delay, EventTime.Never.Micros, row => where?.Invoke(row.Fields["value"]) ?? true);

    public object? Read(AggregateCall call, WindowDefinition window, long asOf, long delay, long knownAt, Func<NaiveEvent, bool> counts, string? by = null)
    {
        (List<NaiveEvent> rows, WindowSpan span) = Window(window, asOf, delay, knownAt, counts);
        return Compute(call, rows, span, by);
    }

    /// <summary>The events of a window, and its instants.</summary>
    public (List<NaiveEvent> Rows, WindowSpan Span) Window(WindowDefinition window, long asOf, long delay, long knownAt, Func<NaiveEvent, bool> counts)
    {
        long through = asOf - delay;
        long after = AfterOf(window, through);
        List<NaiveEvent> rows = Between(after, through, knownAt, counts);
        if (window.Kind == WindowKind.Count)
        {
            rows.RemoveRange(0, Math.Max(0, rows.Count - window.Events));
        }

        if (window.Kind == WindowKind.Session)
        {
            after = WindowSpan.NoStart;
            int first = rows.Count;
            for (long next = through; first > 0 && next - rows[first - 1].Time <= window.Gap.Micros; first--)
            {
                next = rows[first - 1].Time;
            }

            rows.RemoveRange(0, first);
        }

        return (rows, new WindowSpan(asOf, window.Kind == WindowKind.Tumbling ? after + 1 : after, through));
    }

    /// <summary>Behind which instant a window begins that ends at another; of a session, how far back it may reach.</summary>
    public static long AfterOf(WindowDefinition window, long through) => window.Kind switch
    {
        WindowKind.Sliding or WindowKind.Session => through - window.Width.Micros,
        WindowKind.Tumbling => NaiveCalendar.StartOf(window, through) - 1,
        _ => WindowSpan.NoStart,
    };

    /// <summary>What was known of (after, through].</summary>
    public List<NaiveEvent> Between(long after, long through, long knownAt, Func<NaiveEvent, bool> counts) =>
    [
        .. _versions.Where(row => row.Time <= through && row.Time > after && row.Arrival <= knownAt && !(knownAt >= row.Until) && counts(row)).OrderBy(row => row.Time).ThenBy(row => row.Id),
    ];

    public static object? Compute(AggregateCall call, List<NaiveEvent> rows, WindowSpan span, string? by)
    {
        List<NaiveRow> read = [.. rows.Select(row => new NaiveRow(row.Time, call.Field is null ? Value.Of(new EventTime(row.Time)) : row.Fields[call.Field], by is null ? default : row.Fields[by]))];
        return by is null ? Compute(call, read, span) : ComputeBy(call, read, span);
    }
}
