using OrleansFeatures.Domain.Aggregates;
using OrleansFeatures.Domain.Events;

namespace OrleansFeatures.Domain.Tests.Windows;

/// <summary>
/// The definition of correct: keep everything, at a read look at everything. A feature at T over a window of width w with delay d
/// covers the distinct events with T - d - w &lt; time &lt;= T - d, ordered by (time, id).
/// </summary>
internal sealed partial class NaiveOracle
{
    private readonly Dictionary<EventId, (long Time, EventId Id, Value Value)> _events = [];

    public void Add(long time, EventId id, Value value) => _events.TryAdd(id, (time, id, value));

    public object? Read(AggregateCall call, long asOf, long width, long delay, Func<Value, bool>? where = null)
    {
        var rows = _events.Values
            .Where(row => row.Time > asOf - delay - width && row.Time <= asOf - delay && (where is null || where(row.Value)))
            .OrderBy(row => row.Time).ThenBy(row => row.Id).Select(row => new NaiveRow(row.Time, row.Value)).ToList();
        return Compute(call, rows, new WindowSpan(asOf, asOf - delay - width, asOf - delay));
    }
}
